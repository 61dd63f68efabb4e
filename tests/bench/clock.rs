//! CPU seconds: what else the machine does hardly changes them.

use std::process::{Command, Stdio};

/// Seconds that this thread has run.
pub fn thread() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// Seconds that all threads of a whole process take, in user and system mode; none if it fails.
pub fn process(program: &str, args: &[&str]) -> Option<f64> {
    let script = r#"TIMEFORMAT="%3U %3S"; time "$0" "$@" > /dev/null 2>&1"#;
    let mut bash = Command::new("bash");
    let output = bash.args(["-c", script, program]).args(args).stderr(Stdio::piped()).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    output.status.success().then(|| told.split_whitespace().map(|s| s.parse::<f64>().unwrap()).sum())
}
