//! Makes the parser from `rasp.lalrpop`, and looks for the libraries that features need.

use std::path::Path;
use std::process::{Command, exit};

fn main() {
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    if std::env::var_os("CARGO_FEATURE_OPENBLAS_SYSTEM").is_some() && !links(Path::new(&out), "openblas") {
        println!(
            "cargo::error=the feature openblas-system needs OpenBLAS with its development files: install \
             libopenblas-dev (Debian, Ubuntu) or openblas-devel (Fedora), or leave the feature out"
        );
        exit(1);
    }
    lalrpop::Configuration::new()
        .set_in_dir("grammar")
        .set_out_dir(out)
        .emit_rerun_directives(true)
        .process()
        .expect("the grammar is unambiguous");
    println!("cargo:rerun-if-changed=grammar");
}

/// Whether the C compiler links a program with a library.
fn links(folder: &Path, library: &str) -> bool {
    let source = folder.join("probe.c");
    std::fs::write(&source, "int main(void) { return 0; }\n").expect("the build folder can be written to");
    let mut cc = Command::new("cc");
    cc.arg(&source).arg("-o").arg(folder.join("probe")).arg(format!("-l{library}"));
    cc.output().is_ok_and(|output| output.status.success())
}
