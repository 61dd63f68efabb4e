//! The command line: the only part that prints, reads files and the environment, or knows clap.

mod anatomy;
mod check;
mod compile;
mod completions;
mod draw;
mod effort;
mod encoding;
mod exit;
mod fmt;
mod folder;
mod input;
mod inspect;
mod interrupt;
mod json_input;
mod kind;
mod knobs;
mod lock;
mod model;
mod named_files;
mod number;
mod program;
mod progress;
mod repl;
mod resume;
mod run;
mod sites;
mod summary;
mod table;
mod threads;
mod told;
mod trace;
mod train;
mod twins;
mod ui;
mod verdict;
mod verify;
mod watch;

pub use exit::Exit;
pub use ui::Ui;

use clap::{Parser, Subcommand};

/// Compiles RASP programs into transformer weights, and compares the weights with the program.
#[derive(Parser)]
#[command(name = "raspc", version, max_term_width = 100)]
#[command(after_help = AFTER_HELP)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Begin with:
  raspc compile programs/peak.rasp
  raspc run compiled/peak.safetensors '[1, 3, 2]'
  raspc verify compiled/peak.safetensors
  raspc inspect compiled/peak.safetensors
  raspc train experiments/peak.toml    train weights on what the program computes
  raspc repl                           type RASP and see what it does
  raspc run programs/peak.rasp '[1, 3, 2]'
  raspc check programs/peak.rasp
  raspc help train                     everything that a command takes

Exit codes:
    0  done
    1  wrong usage, an unreadable file, an input that the program does not take
    2  the program has errors, or cannot be compiled
    3  refuted: an example is wrong, the program fails, or the weights differ
    4  not shown: tested only, undecided, or a number that is not known well enough
  130  interrupted by Ctrl-C";

#[derive(Subcommand)]
enum Command {
    Compile(compile::CompileArgs),
    Check(check::CheckArgs),
    Verify(verify::VerifyArgs),
    Run(run::RunArgs),
    Train(train::TrainArgs),
    Inspect(inspect::InspectArgs),
    Repl(repl::ReplArgs),
    Fmt(fmt::FmtArgs),
    Completions(completions::CompletionsArgs),
}

impl Command {
    /// Whether results are asked for as JSON.
    fn as_json(&self) -> bool {
        match self {
            Self::Compile(args) => args.json,
            Self::Check(args) => args.json,
            Self::Verify(args) => args.json,
            Self::Run(args) => args.json,
            Self::Train(args) => args.json,
            Self::Inspect(args) => args.json,
            Self::Repl(_) | Self::Fmt(_) | Self::Completions(_) => false,
        }
    }
}

/// Runs the command that the process was started with.
pub fn main() -> Exit {
    threads::settle();
    let mut ui = Ui::default();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are answers, everything else is wrong usage.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            let _ = error.print();
            if exit == Exit::Usage && std::env::args_os().any(|arg| arg == "--json") {
                ui.as_json = true;
                ui.misused(&error.to_string());
            }
            return exit;
        }
    };
    ui.as_json = args.command.as_json();
    let result = match args.command {
        Command::Compile(args) => compile::compile(&args, &ui),
        Command::Check(args) => check::check(&args, &ui),
        Command::Verify(args) => verify::verify(&args, &ui),
        Command::Run(args) => run::run(&args, &ui),
        Command::Train(args) => train::train(&args, &ui),
        Command::Inspect(args) => inspect::inspect(&args, &ui),
        Command::Repl(args) => repl::repl(&args, &ui),
        Command::Fmt(args) => fmt::fmt(&args, &ui),
        Command::Completions(args) => completions::completions(&args, &ui),
    };
    let exit = result.unwrap_or_else(|error| ui.error(&error));
    ui.end();
    exit
}
