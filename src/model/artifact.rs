//! One file that stands alone: how is a model written, and what makes a file none?
//!
//! A `.safetensors` file with named, shaped f32 tensors, and one metadata entry, [`KEY`], that
//! holds the [`Manifest`] as JSON. The same program gives the same bytes.

use super::certificate::Certificate;
use super::config::Config;
use super::manifest::{FORMAT, Hashes, Manifest};
use super::parameters::weights_of;
use crate::value::Value;
use crate::weights::Weights;
use ndarray::Array2;
use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{Read, Write};
use std::path::Path;

/// The metadata entry that holds the manifest.
pub const KEY: &str = "raspc";

/// The largest file that is read. A model of `programs/` has a thousandth of it.
pub const MAX_BYTES: u64 = 2 << 30;

/// The longest header that safetensors reads.
const MAX_HEADER: u64 = 100_000_000;

/// A model with everything that is known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    pub manifest: Manifest,
    pub weights: Weights,
}

/// Why a file is no model, or cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the file has {bytes} bytes, more than the {MAX_BYTES} that a model may have")]
    TooLarge { bytes: u64 },
    #[error("the file does not begin as a safetensors file does")]
    NoHeader,
    #[error("the file is no intact safetensors file: {0}")]
    Container(SafeTensorError),
    #[error("the safetensors file was not written by raspc: it has no metadata entry `{KEY}`")]
    Foreign,
    #[error("the file has format {found}, this raspc reads format {FORMAT}")]
    Format { found: u64 },
    #[error("the manifest is damaged: {0}")]
    Manifest(serde_json::Error),
    #[error("the configuration makes no sense: {0}")]
    Config(&'static str),
    #[error("tensor `{name}` is missing")]
    Missing { name: String },
    #[error("tensor `{name}` is not described by the configuration")]
    Extra { name: String },
    #[error("tensor `{name}` should be f32 {expected:?}, it is {found}")]
    Shape { name: String, expected: [usize; 2], found: String },
    #[error("tensor `{name}` holds an entry that is no finite number")]
    NotFinite { name: String },
    #[error("changed after the file was written: the {part}")]
    Hash { part: &'static str },
}

impl From<SafeTensorError> for ArtifactError {
    fn from(error: SafeTensorError) -> Self {
        Self::Container(error)
    }
}

impl Artifact {
    /// A model with its hashes.
    pub fn new(mut manifest: Manifest, weights: Weights) -> Self {
        manifest.sha256 = hashes(&manifest, &weights);
        Self { manifest, weights }
    }

    /// A trained network of the program that this model was compiled from.
    pub fn trained(&self, config: Config, weights: Weights, experiment: String) -> Self {
        let manifest = Manifest {
            config,
            training: Some(experiment),
            slots: Vec::new(),
            heads: Vec::new(),
            neurons: Vec::new(),
            certificate: None,
            ..self.manifest.clone()
        };
        Self::new(manifest, weights)
    }

    /// The same model with a certificate.
    pub fn certified(mut self, certificate: Certificate) -> Self {
        self.manifest.certificate = Some(certificate);
        Self::new(self.manifest, self.weights)
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArtifactError> {
        let manifest = serde_json::to_string(&self.manifest).map_err(ArtifactError::Manifest)?;
        let named = self.weights.named();
        let data: Vec<Vec<u8>> = named.iter().map(|(_, m)| bytes(m)).collect();
        let mut views = Vec::with_capacity(named.len());
        for ((name, matrix), data) in named.iter().zip(&data) {
            let (rows, columns) = matrix.dim();
            views.push((name.as_str(), TensorView::new(Dtype::F32, vec![rows, columns], data)?));
        }
        Ok(safetensors::serialize(views, Some(HashMap::from([(KEY.to_owned(), manifest)])))?)
    }

    /// The model that [`Self::to_bytes`] wrote.
    pub fn from_bytes(file: &[u8]) -> Result<Self, ArtifactError> {
        let (_, header) = SafeTensors::read_metadata(file)?;
        let tensors = SafeTensors::deserialize(file)?;
        let manifest = header.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or(ArtifactError::Foreign)?;
        let version: Version = serde_json::from_str(manifest).map_err(ArtifactError::Manifest)?;
        if version.format != FORMAT {
            return Err(ArtifactError::Format { found: version.format });
        }
        let manifest: Manifest = serde_json::from_str(manifest).map_err(ArtifactError::Manifest)?;
        check(&manifest.config).map_err(ArtifactError::Config)?;
        let weights = read_weights(&manifest.config, &tensors)?;
        let Hashes { sources, weights: weight_hash, manifest: manifest_hash } = hashes(&manifest, &weights);
        for (part, found, written) in [
            ("source text", sources, &manifest.sha256.sources),
            ("weights", weight_hash, &manifest.sha256.weights),
            ("manifest", manifest_hash, &manifest.sha256.manifest),
        ] {
            if found != *written {
                return Err(ArtifactError::Hash { part });
            }
        }
        Ok(Self { manifest, weights })
    }
}

/// Writes a model, by [`write_whole`].
pub fn save(artifact: &Artifact, path: &Path) -> Result<(), ArtifactError> {
    Ok(write_whole(path, &artifact.to_bytes()?)?)
}

/// Writes a file. There is the whole file afterwards, or what was there before.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = std::fs::File::create(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    });
    if written.is_err() {
        // The draft may not even exist; the first error is the one to tell.
        let _ = std::fs::remove_file(&draft);
    }
    written
}

/// Reads a model.
pub fn load(path: &Path) -> Result<Artifact, ArtifactError> {
    let file = std::fs::File::open(path)?;
    let mut bytes = beginning(&file)?;
    // The size is taken from what was read: a device or a pipe has none of its own.
    (&file).take(MAX_BYTES).read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        size if size > MAX_BYTES => Err(ArtifactError::TooLarge { bytes: size }),
        _ => Artifact::from_bytes(&bytes),
    }
}

/// Whether a file says that raspc wrote it.
pub fn is_own(path: &Path) -> Result<bool, ArtifactError> {
    #[derive(serde::Deserialize)]
    struct Header {
        #[serde(rename = "__metadata__", default)]
        metadata: HashMap<String, serde::de::IgnoredAny>,
    }
    let file = std::fs::File::open(path)?;
    let Ok(mut bytes) = beginning(&file) else { return Ok(false) };
    let (length, header) = bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap_or_default());
    let rest = length.saturating_sub(header.len() as u64);
    (&file).take(rest).read_to_end(&mut bytes)?;
    let header: Result<Header, _> = serde_json::from_slice(&bytes[8..]);
    Ok(header.is_ok_and(|header| header.metadata.contains_key(KEY)))
}

/// Whether bytes begin as a safetensors file does: with the length of a header, and an object.
pub fn is_beginning(bytes: &[u8]) -> bool {
    let Some((length, header)) = bytes.split_first_chunk() else { return false };
    u64::from_le_bytes(*length) <= MAX_HEADER && header.first() == Some(&b'{')
}

/// The first bytes of a file, if a model begins so. A device that never ends does not.
fn beginning(file: &std::fs::File) -> Result<Vec<u8>, ArtifactError> {
    let mut bytes = Vec::new();
    file.take(9).read_to_end(&mut bytes)?;
    if is_beginning(&bytes) { Ok(bytes) } else { Err(ArtifactError::NoHeader) }
}

/// What is read of a manifest before its format is known.
#[derive(serde::Deserialize)]
struct Version {
    format: u64,
}

/// Whether a value is more than one token: it would mean one of them, and nobody knows which.
fn twice(values: &[Value]) -> bool {
    values.iter().collect::<HashSet<_>>().len() < values.len()
}

/// What a configuration must be for a forward pass to make sense.
fn check(config: &Config) -> Result<(), &'static str> {
    let bos = usize::from(config.bos);
    let wide = |d: usize| (1..1 << 24).contains(&d);
    let sizes = [config.d_model, config.n_ctx];
    let in_layers = config.layers.iter().flat_map(|l| {
        let heads = l.heads.iter().flat_map(|h| [h.d_head.max(1), h.d_value]);
        heads.chain([l.d_mlp.max(1)])
    });
    match () {
        () if config.columns.is_empty() => Err("there is no input column"),
        () if !all_different(config.columns.iter().map(|c| &c.name)) => Err("two columns have one name"),
        () if !all_different(config.outputs.iter().map(|o| &o.name)) => Err("two outputs have one name"),
        () if config.n_ctx <= bos => Err("there is no position"),
        () if config.columns.iter().any(|c| c.vocabulary.is_empty()) => Err("a vocabulary is empty"),
        () if config.columns.iter().any(|c| twice(&c.vocabulary)) => {
            Err("a value stands twice in a vocabulary")
        }
        () if config.outputs.iter().any(|o| o.decode.width() == 0) => Err("an output has no value"),
        () if config.norm.is_some_and(|norm| !(norm.eps > 0.0 && norm.eps.is_finite())) => {
            Err("the eps of a norm is no positive number")
        }
        () if config.tied && !ties(config) => Err("the embedding cannot be read backwards as each output"),
        () if !sizes.into_iter().chain(in_layers).all(wide) => Err("a size is 0 or beyond 2^24"),
        () => Ok(()),
    }
}

/// Whether each output has a logit for every token of the first column.
fn ties(config: &Config) -> bool {
    let tokens = config.columns.first().map_or(0, |c| c.vocabulary.len());
    config.outputs.iter().all(|o| o.decode.width() == tokens)
}

fn all_different<'n>(names: impl Iterator<Item = &'n String>) -> bool {
    let mut seen = HashSet::new();
    names.into_iter().all(|name| seen.insert(name))
}

fn read_weights(config: &Config, tensors: &SafeTensors<'_>) -> Result<Weights, ArtifactError> {
    let mut named: BTreeMap<String, Array2<f32>> = BTreeMap::new();
    for (name, expected) in config.shapes() {
        let tensor = tensors.tensor(&name).map_err(|_| ArtifactError::Missing { name: name.clone() })?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != expected {
            let found = format!("{} {:?}", tensor.dtype(), tensor.shape());
            return Err(ArtifactError::Shape { name, expected, found });
        }
        let (entries, _) = tensor.data().as_chunks::<4>();
        let entries: Vec<f32> = entries.iter().map(|b| f32::from_le_bytes(*b)).collect();
        if !entries.iter().all(|x| x.is_finite()) {
            return Err(ArtifactError::NotFinite { name });
        }
        let matrix = Array2::from_shape_vec(expected, entries);
        let found = format!("{} bytes", tensor.data().len());
        let matrix = matrix.map_err(|_| ArtifactError::Shape { name: name.clone(), expected, found })?;
        named.insert(name, matrix);
    }
    if let Some(name) = tensors.names().into_iter().find(|n| !named.contains_key(*n)) {
        return Err(ArtifactError::Extra { name: name.to_owned() });
    }
    weights_of(config, named).ok_or(ArtifactError::Config("a parameter has no place"))
}

/// The entries row by row, little endian.
fn bytes(matrix: &Array2<f32>) -> Vec<u8> {
    matrix.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The hashes that belong to a manifest and weights. That of the manifest covers the other two.
fn hashes(manifest: &Manifest, weights: &Weights) -> Hashes {
    let mut sources = Sha256::new();
    for source in &manifest.sources {
        for part in [&source.name, &source.text] {
            sources.update((part.len() as u64).to_le_bytes());
            sources.update(part.as_bytes());
        }
    }
    let mut tensors = Sha256::new();
    for (name, matrix) in weights.named() {
        tensors.update(format!("{name} {:?}\n", matrix.dim()));
        tensors.update(bytes(matrix));
    }
    let mut hashes = Hashes { sources: hex(sources), weights: hex(tensors), manifest: String::new() };
    let unsigned = Manifest { sha256: hashes.clone(), ..manifest.clone() };
    hashes.manifest = hex(Sha256::new_with_prefix(serde_json::to_vec(&unsigned).unwrap_or_default()));
    hashes
}

/// A hash in hexadecimal digits.
pub(crate) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
