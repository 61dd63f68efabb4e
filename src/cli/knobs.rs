//! How programs are compiled, as flags.

use super::number::integer;
use crate::plan::{Knobs, Padding};
use anyhow::bail;
use std::path::Path;

#[derive(clap::Args, Clone, Copy, Debug)]
pub struct KnobFlags {
    /// 1: look for a small network; 0: a code per s-op and a neuron per tuple of arguments.
    #[arg(
        short = 'O',
        value_name = "LEVEL",
        default_value_t = 1,
        value_parser = integer::<u8>(0, 1),
        help_heading = "Compiling"
    )]
    level: u8,
    /// Attention with a gradient: selected keys score so much more than others, from 1 to 256, and
    /// the leak that this brings is bounded and stated. Without it, attention does not leak.
    #[arg(long, value_name = "SCORE", value_parser = integer::<u16>(1, 256), help_heading = "Compiling")]
    sharpness: Option<u16>,
    /// As many heads and neurons in every layer, and all heads as wide, filled up with zeros.
    #[arg(long, help_heading = "Compiling")]
    uniform: bool,
    /// So many layers, all alike. What the program does not need is zeros, here and below.
    #[arg(long, value_name = "N", value_parser = integer::<u32>(1, MOST), help_heading = "Compiling")]
    layers: Option<u32>,
    /// So many heads in every layer, all as wide as the widest.
    #[arg(long, value_name = "N", value_parser = integer::<u32>(1, MOST), help_heading = "Compiling")]
    heads: Option<u32>,
    /// So many residual directions.
    #[arg(long, value_name = "N", value_parser = integer::<u32>(1, MOST), help_heading = "Compiling")]
    d_model: Option<u32>,
    /// So many neurons in every layer.
    #[arg(long, value_name = "N", value_parser = integer::<u32>(1, MOST), help_heading = "Compiling")]
    d_mlp: Option<u32>,
    /// Parameters of like size, for training: the products of a head's matrices split evenly by their
    /// singular values, and what a neuron reads and writes scaled alike. It computes the same but for
    /// rounding, so it goes with attention that need not be exact: try '--sharpness 16'.
    #[arg(long, help_heading = "Compiling")]
    balanced: bool,
}

/// Nothing larger is asked for; how large a network may be as a whole is the plan's affair.
const MOST: u128 = 1 << 20;

impl KnobFlags {
    pub fn knobs(self) -> Knobs {
        let Self { level, sharpness, uniform, layers, heads, d_model, d_mlp, balanced } = self;
        let [layers, heads, d_model, d_mlp] =
            [layers, heads, d_model, d_mlp].map(|size| size.map(|n| n as usize));
        let padding = Padding { layers, heads, d_model, d_mlp };
        Knobs { optimise: level > 0, sharpness, uniform, padding, balanced }
    }

    /// The first of the flags that was given.
    pub fn given(self) -> Option<&'static str> {
        let Knobs { optimise, sharpness, uniform, padding, balanced } = self.knobs();
        let flags = [
            (!optimise, "-O"),
            (sharpness.is_some(), "--sharpness"),
            (uniform, "--uniform"),
            (balanced, "--balanced"),
        ];
        let sizes = padding.flags().map(|(flag, size)| (size.is_some(), flag));
        flags.into_iter().chain(sizes).find_map(|(given, flag)| given.then_some(flag))
    }

    /// Flags of the compiler are for programs.
    pub fn refuse(self, model: &Path) -> anyhow::Result<()> {
        match self.given() {
            Some(flag) => bail!("{flag} is for programs, and {} is compiled already", model.display()),
            None => Ok(()),
        }
    }
}
