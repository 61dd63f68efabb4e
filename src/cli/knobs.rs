//! How programs are compiled, as flags.

use crate::plan::Knobs;

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
}

impl KnobFlags {
    pub fn knobs(self) -> Knobs {
        Knobs { optimise: self.level > 0 }
    }

    /// Whether programs are compiled as they are without flags.
    pub fn is_default(self) -> bool {
        self.knobs() == Knobs::default()
    }
}
