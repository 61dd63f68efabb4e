//! Commands, and what they answer.

use serde_json::Value as Json;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a command answered.
pub struct Answer {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Answer {
    /// The lines of the output, each read as JSON.
    pub fn json(&self) -> Vec<Json> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs `raspc` in the root of the repository on what is typed.
pub fn raspc(args: &[&str], typed: &str) -> Answer {
    raspc_in(Path::new(env!("CARGO_MANIFEST_DIR")), args, typed)
}

/// Runs `raspc` in a folder.
pub fn raspc_in(folder: &Path, args: &[&str], typed: &str) -> Answer {
    // Widths are those of a terminal that nobody knows.
    answer(
        Command::new(env!("CARGO_BIN_EXE_raspc")).args(args).env_remove("COLUMNS").current_dir(folder),
        typed,
    )
}

/// Runs `raspc` in the root of the repository, on a terminal that is so wide.
pub fn raspc_at(width: usize, args: &[&str]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_raspc"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    answer(command.args(args).env("COLUMNS", width.to_string()).current_dir(root), "")
}

fn answer(command: &mut Command, typed: &str) -> Answer {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let typed = typed.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(typed.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Answer { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// An empty folder for the files of one test.
pub fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A program in a file of its own.
pub fn file(name: &str, text: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}.rasp"));
    std::fs::write(&path, text).unwrap();
    path
}

/// No line of what was printed is longer.
#[track_caller]
pub fn fits(answer: &Answer, width: usize) {
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    assert!(!answer.out.is_empty(), "nothing was printed");
    for line in answer.out.lines() {
        assert!(line.chars().count() <= width, "more than {width} characters:\n{line}\nin\n{}", answer.out);
    }
}

#[track_caller]
pub fn refuses(answer: &Answer, words: &str) {
    assert!(answer.err.contains(words), "{}", answer.err);
    assert_eq!(answer.code, Some(1), "{}", answer.err);
}
