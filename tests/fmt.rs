//! `raspc fmt` on files and standard input.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const CROOKED: &str = "# A comment.\nx=indices+1 ;y  = x; # at the end\n";
const STRAIGHT: &str = "# A comment.\nx = indices + 1;\ny = x;  # at the end\n";

/// An empty folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fmt-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn fmt(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_raspc"));
    command.arg("fmt").args(args).current_dir(folder).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let name = |e: std::io::Result<std::fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = std::fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_rewritten_in_place() {
    let folder = folder("rewrite");
    let file = folder.join("a.rasp");
    std::fs::write(&file, CROOKED).unwrap();
    let output = fmt(&folder, &["a.rasp"]);
    assert_eq!((output.status.code(), stdout(&output), stderr(&output)), (Some(0), "", ""));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), STRAIGHT);
    assert_eq!(names(&folder), ["a.rasp"], "nothing is left behind");
}

#[test]
fn a_file_in_style_is_not_written() {
    let folder = folder("unchanged");
    let file = folder.join("a.rasp");
    std::fs::write(&file, STRAIGHT).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(long_ago).unwrap();
    assert_eq!(fmt(&folder, &["a.rasp"]).status.code(), Some(0));
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), long_ago);
}

#[test]
fn check_lists_files_and_changes_none() {
    let folder = folder("check");
    std::fs::write(folder.join("crooked.rasp"), CROOKED).unwrap();
    std::fs::write(folder.join("straight.rasp"), STRAIGHT).unwrap();
    let output = fmt(&folder, &["--check", "crooked.rasp", "straight.rasp"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(3), "crooked.rasp\n"));
    assert_eq!(std::fs::read_to_string(folder.join("crooked.rasp")).unwrap(), CROOKED);
    assert_eq!(fmt(&folder, &["--check", "straight.rasp"]).status.code(), Some(0));
}

#[test]
fn a_file_with_syntax_errors_is_left_alone() {
    let folder = folder("errors");
    let broken = "x=1;\ny = ;\n";
    std::fs::write(folder.join("broken.rasp"), broken).unwrap();
    std::fs::write(folder.join("crooked.rasp"), CROOKED).unwrap();
    let output = fmt(&folder, &["broken.rasp", "crooked.rasp"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("broken.rasp:2:5"), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(folder.join("broken.rasp")).unwrap(), broken);
    assert_eq!(std::fs::read_to_string(folder.join("crooked.rasp")).unwrap(), STRAIGHT, "the others go on");
}

#[test]
fn standard_input_is_printed() {
    let run = |args: &[&str], text: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_raspc"))
            .arg("fmt")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = run(&["-"], CROOKED);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), STRAIGHT));
    let output = run(&["--check", "-"], CROOKED);
    assert_eq!((output.status.code(), stdout(&output)), (Some(3), "<stdin>\n"));
    let output = run(&["-"], "x = ;");
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""), "half a program helps nobody");
}

#[test]
fn a_missing_file_is_wrong_usage() {
    let output = fmt(&folder("missing"), &["nowhere.rasp"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: cannot read nowhere.rasp"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder("permissions");
    let file = folder.join("a.rasp");
    std::fs::write(&file, CROOKED).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("a.rasp", folder.join("link.rasp")).unwrap();
    assert_eq!(fmt(&folder, &["link.rasp"]).status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), STRAIGHT);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(folder.join("link.rasp").symlink_metadata().unwrap().is_symlink());

    std::fs::write(&file, CROOKED).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o440)).unwrap();
    let output = fmt(&folder, &["a.rasp"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("read-only"), "{}", stderr(&output));
}
