//! `raspc completions`: what shells need to complete commands and flags.

use super::{Args, Exit, Ui};
use clap::CommandFactory as _;
use clap_complete::Shell;

/// Print a script that teaches a shell to complete commands and flags.
///
/// In bash: 'source <(raspc completions bash)', or write the script to a file in
/// ~/.local/share/bash-completion/completions. Other shells: see their manuals.
#[derive(clap::Args)]
pub struct CompletionsArgs {
    /// The shell that is to complete.
    #[arg(value_enum)]
    shell: Shell,
}

pub fn completions(args: &CompletionsArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "raspc", &mut script);
    ui.verbatim(&String::from_utf8(script)?);
    Ok(Exit::Done)
}
