//! How programs are compiled, as flags.

use crate::plan::Knobs;
use anyhow::bail;
use std::path::Path;

#[derive(clap::Args, Clone, Copy, Debug)]
pub struct KnobFlags {
    /// 1: look for a small network; 0: a code per s-op and a neuron per tuple of arguments.
    #[arg(
        short = 'O',
        value_name = "LEVEL",
        default_value_t = 1,
        value_parser = clap::value_parser!(u8).range(0..=1),
        help_heading = "Compiling"
    )]
    level: u8,
    /// Attention with a gradient: selected keys score so much more than others, from 1 to 256, and
    /// the leak that this brings is bounded and stated. Without it, attention does not leak.
    #[arg(long, value_name = "SCORE", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Compiling")]
    sharpness: Option<u16>,
    /// As many heads and neurons in every layer, and all heads as wide, filled up with zeros.
    #[arg(long, help_heading = "Compiling")]
    uniform: bool,
}

impl KnobFlags {
    pub fn knobs(self) -> Knobs {
        Knobs { optimise: self.level > 0, sharpness: self.sharpness, uniform: self.uniform }
    }

    /// The first of the flags that was given.
    pub fn given(self) -> Option<&'static str> {
        let Knobs { optimise, sharpness, uniform } = self.knobs();
        let flags = [(!optimise, "-O"), (sharpness.is_some(), "--sharpness"), (uniform, "--uniform")];
        flags.into_iter().find_map(|(given, flag)| given.then_some(flag))
    }

    /// Flags of the compiler are for programs.
    pub fn refuse(self, model: &Path) -> anyhow::Result<()> {
        match self.given() {
            Some(flag) => bail!("{flag} is for programs, and {} is compiled already", model.display()),
            None => Ok(()),
        }
    }
}
