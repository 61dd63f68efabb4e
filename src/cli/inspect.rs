//! `raspc inspect`: what is in a model, and what happens in it on an input.

use super::knobs::KnobFlags;
use super::model::{self, ModelFlags};
use super::program::{self, Loaded, ProgramFlags};
use super::{Exit, Ui, anatomy, compile, input, sites};
use crate::diagnostic::edit_distance;
use crate::interp::Interpreter;
use crate::ir::Column;
use crate::model::{Artifact, ColumnConfig, Site};
use crate::verify::no_value_warning;
use anyhow::Context as _;
use std::path::PathBuf;

/// Show the layers, heads, neurons and residual directions of a model, or a run of it.
///
/// Without an input: what each part computes, with the lines of the program that asked for it. With
/// an input: the attention patterns and the residual stream at the end, or the sites that '--site'
/// names, as TransformerLens does.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct InspectArgs {
    /// A model (.safetensors), or a program (.rasp), which is compiled in memory.
    file: PathBuf,
    /// A list, a word (its characters are the tokens), or a JSON object with a list per column.
    input: Option<String>,
    /// Show this value of the run: 'blocks.0.attn.hook_pattern'. Can be given several times.
    #[arg(long = "site", value_name = "SITE", requires = "input")]
    sites: Vec<String>,
    /// Print the totals only.
    #[arg(long, conflicts_with_all = ["input"])]
    stats: bool,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    model: ModelFlags,
    #[command(flatten)]
    knobs: KnobFlags,
    #[command(flatten)]
    flags: ProgramFlags,
}

const AFTER_HELP: &str = "\
Examples:
  raspc inspect compiled/peak.safetensors
  raspc inspect compiled/peak.safetensors --stats --json
  raspc inspect compiled/peak.safetensors '[1, 3, 2]'
  raspc inspect compiled/peak.safetensors '[1, 3, 2]' --site hook_embed

Sites, for layer L and head H:
  hook_embed, hook_pos_embed
  blocks.L.hook_{resid_pre,resid_mid,resid_post}
  blocks.L.hook_{attn_out,mlp_out}
  blocks.L.attn.hook_{attn_scores,pattern}
  blocks.L.attn.H.hook_{q,k,v,z,result}
  blocks.L.mlp.hook_{pre,post}";

pub fn inspect(args: &InspectArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let exit = show(args, ui).unwrap_or_else(|error| ui.error(&error));
    if args.json && exit != Exit::Done {
        ui.failed(Some(&args.file));
    }
    Ok(exit)
}

fn show(args: &InspectArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let artifact = match artifact(args, ui)? {
        Ok(artifact) => artifact,
        Err(exit) => return Ok(exit),
    };
    let Some(text) = &args.input else {
        let totals = anatomy::Totals::of(&artifact);
        match (args.json, args.stats) {
            (true, true) => ui.json(&serde_json::to_value(&totals)?),
            (true, false) => ui.json(&anatomy::json(&artifact, &totals)),
            (false, true) => ui.out(&totals.text(ui.width())),
            (false, false) => ui.out(&(totals.text(ui.width()) + &anatomy::text(&artifact, ui.width()))),
        }
        return Ok(Exit::Done);
    };
    let model = args.model.place(&artifact)?;
    let domain = |c: &ColumnConfig| Column {
        name: c.name.as_str().into(),
        domain: Some(c.vocabulary.clone()),
        span: None,
    };
    let columns: Vec<Column> = model.config().columns.iter().map(domain).collect();
    let mut input = input::parse(text, &columns)?;
    match model::program_of(&artifact, ui)? {
        Ok(Loaded { program, sources, .. }) => {
            let interpreter = Interpreter::new(&program);
            input::validate(&program, &interpreter, &mut input)
                .map_err(|error| input::with_list(error, text, &columns))?;
            if let Err(failure) = interpreter.outputs(&input) {
                ui.diagnostics(&[no_value_warning(&program, &failure, &input)], &sources);
            }
        }
        Err(exit) => return Ok(exit),
    }
    let known = Site::all(model.config());
    let wanted: Vec<Site> = match args.sites.as_slice() {
        [] => sites::usual(model.config(), args.json),
        names => names.iter().map(|name| named(name, &known)).collect::<anyhow::Result<_>>()?,
    };
    let run = ui.phase("running the network", |_| sites::record(&model, &input, &wanted))?;
    if args.json {
        ui.json(&sites::json(&artifact.manifest, &columns, &input, &run));
    } else {
        ui.out(&sites::text(&artifact.manifest, &input, &run, ui.width()));
    }
    Ok(Exit::Done)
}

fn artifact(args: &InspectArgs, ui: &Ui) -> anyhow::Result<Result<Artifact, Exit>> {
    if model::is_model(&args.file) {
        args.flags.refuse(&args.file)?;
        args.knobs.refuse(&args.file)?;
        return Ok(Ok(model::load(&args.file)?));
    }
    let loaded = match program::load(&args.file, &args.flags, ui)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(Err(exit)),
    };
    Ok(compile::build(&loaded, args.knobs.knobs(), ui)?.map(|(_, artifact)| artifact))
}

fn named(name: &str, known: &[Site]) -> anyhow::Result<Site> {
    let found = known.iter().copied().find(|site| site.to_string() == name);
    found.with_context(|| {
        let mut names: Vec<String> = known.iter().map(Site::to_string).collect();
        names.sort_by_key(|known| edit_distance(name, known));
        names.truncate(N_NEAREST);
        format!(
            "the model has no site `{name}`; the nearest are {} (`raspc inspect --help` has all patterns)",
            names.join(", ")
        )
    })
}

/// As many sites are named that may have been meant.
const N_NEAREST: usize = 3;
