//! `raspc fmt` on files and standard input.

use crate::common::command::{Answer, folder, raspc_in, refuses};
use std::path::Path;

const CROOKED: &str = "# A comment.\nx=indices+1 ;y  = x; # at the end\n";
const STRAIGHT: &str = "# A comment.\nx = indices + 1;\ny = x;  # at the end\n";

fn fmt(folder: &Path, args: &[&str], typed: &str) -> Answer {
    raspc_in(folder, &[&["fmt"], args].concat(), typed)
}

fn names(folder: &Path) -> Vec<String> {
    let name = |e: std::io::Result<std::fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = std::fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_rewritten_in_place() {
    let folder = folder("fmt-rewrite");
    let file = folder.join("a.rasp");
    std::fs::write(&file, CROOKED).unwrap();
    let output = fmt(&folder, &["a.rasp"], "");
    assert_eq!((output.code, output.out.as_str(), output.err.as_str()), (Some(0), "", ""));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), STRAIGHT);
    assert_eq!(names(&folder), ["a.rasp"], "nothing is left behind");
}

#[test]
fn a_file_in_style_is_not_written() {
    let folder = folder("fmt-unchanged");
    let file = folder.join("a.rasp");
    std::fs::write(&file, STRAIGHT).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(long_ago).unwrap();
    assert_eq!(fmt(&folder, &["a.rasp"], "").code, Some(0));
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), long_ago);
}

#[test]
fn check_lists_files_and_changes_none() {
    let folder = folder("fmt-check");
    std::fs::write(folder.join("crooked.rasp"), CROOKED).unwrap();
    std::fs::write(folder.join("straight.rasp"), STRAIGHT).unwrap();
    let output = fmt(&folder, &["--check", "crooked.rasp", "straight.rasp"], "");
    assert_eq!((output.code, output.out.as_str()), (Some(3), "crooked.rasp\n"));
    assert_eq!(std::fs::read_to_string(folder.join("crooked.rasp")).unwrap(), CROOKED);
    assert_eq!(fmt(&folder, &["--check", "straight.rasp"], "").code, Some(0));
}

#[test]
fn a_file_with_syntax_errors_is_left_alone() {
    let folder = folder("fmt-errors");
    let broken = "x=1;\ny = ;\n";
    std::fs::write(folder.join("broken.rasp"), broken).unwrap();
    std::fs::write(folder.join("crooked.rasp"), CROOKED).unwrap();
    let output = fmt(&folder, &["broken.rasp", "crooked.rasp"], "");
    assert_eq!(output.code, Some(2));
    assert!(output.err.contains("broken.rasp:2:5"), "{}", output.err);
    assert_eq!(std::fs::read_to_string(folder.join("broken.rasp")).unwrap(), broken);
    assert_eq!(std::fs::read_to_string(folder.join("crooked.rasp")).unwrap(), STRAIGHT, "the others go on");
}

#[test]
fn standard_input_is_printed() {
    let folder = folder("fmt-stdin");
    let output = fmt(&folder, &["-"], CROOKED);
    assert_eq!((output.code, output.out.as_str()), (Some(0), STRAIGHT));
    let output = fmt(&folder, &["--check", "-"], CROOKED);
    assert_eq!((output.code, output.out.as_str()), (Some(3), "<stdin>\n"));
    let output = fmt(&folder, &["-"], "x = ;");
    assert_eq!((output.code, output.out.as_str()), (Some(2), ""), "half a program helps nobody");
}

#[test]
fn a_missing_file_is_wrong_usage() {
    let output = fmt(&folder("fmt-missing"), &["nowhere.rasp"], "");
    refuses(&output, "error: cannot read nowhere.rasp");
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder("fmt-permissions");
    let file = folder.join("a.rasp");
    std::fs::write(&file, CROOKED).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("a.rasp", folder.join("link.rasp")).unwrap();
    assert_eq!(fmt(&folder, &["link.rasp"], "").code, Some(0));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), STRAIGHT);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(folder.join("link.rasp").symlink_metadata().unwrap().is_symlink());

    std::fs::write(&file, CROOKED).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o440)).unwrap();
    let output = fmt(&folder, &["a.rasp"], "");
    refuses(&output, "read-only");
}
