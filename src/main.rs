//! The `raspc` command.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(raspc::cli::main() as u8)
}
