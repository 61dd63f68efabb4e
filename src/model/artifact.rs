//! One file that stands alone: how is a model written, and what makes a file none?
//!
//! A `.safetensors` file with named, shaped f32 tensors, and one metadata entry, [`KEY`], that
//! holds the [`Manifest`] as JSON. The same program gives the same bytes.

use super::certificate::Certificate;
use super::check::{self, Defect};
use super::config::Config;
use super::manifest::{FORMAT, Hashes, Manifest};
use super::parameters::weights_of;
use crate::weights::Weights;
use ndarray::Array2;
use safetensors::tensor::{Metadata, TensorView};
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::path::Path;

/// The metadata entry that holds the manifest.
pub const KEY: &str = "raspc";

/// The largest file that is read. A model of `programs/` has a thousandth of it.
pub const MAX_BYTES: u64 = 2 << 30;

/// The longest header that is read or written. Lists of small numbers take about thirty times their text in memory.
const MAX_HEADER: u64 = 16 << 20;

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
    #[error("the header has {bytes} bytes, more than the {MAX_HEADER} that the header of a model may have")]
    HeaderTooLarge { bytes: u64 },
    #[error("the file does not begin as a safetensors file does")]
    NoHeader,
    #[error("the file has {found} bytes, its header describes {expected}")]
    Length { found: u64, expected: u64 },
    #[error("the file is no intact safetensors file: {0}")]
    Container(SafeTensorError),
    #[error("the safetensors file was not written by raspc: it has no metadata entry `{KEY}`")]
    Foreign,
    #[error("the file has format {found}, this raspc reads format {FORMAT}")]
    Format { found: u64 },
    #[error("the manifest cannot be read at `{field}`: {why}")]
    Manifest { field: String, why: serde_json::Error },
    #[error("the manifest is rejected: {0}")]
    Rejected(Defect),
    #[error("tensor `{name}` is missing")]
    Missing { name: String },
    #[error("the tensors are not those of the configuration")]
    Layout,
    #[error("tensor `{name}` is not described by the configuration")]
    Extra { name: String },
    #[error("tensor `{name}` should be f32 {expected:?}, it is {found}")]
    Shape { name: String, expected: [usize; 2], found: String },
    #[error("tensor `{name}` holds an entry that is no finite number")]
    NotFinite { name: String },
    #[error("changed after the file was written: the {part}")]
    Hash { part: &'static str },
}

impl From<Defect> for ArtifactError {
    fn from(defect: Defect) -> Self {
        Self::Rejected(defect)
    }
}

impl From<SafeTensorError> for ArtifactError {
    fn from(error: SafeTensorError) -> Self {
        Self::Container(error)
    }
}

impl Artifact {
    /// A model with its hashes.
    pub fn new(mut manifest: Manifest, weights: Weights) -> Self {
        sign(&mut manifest, &weights);
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
        let manifest = serde_json::to_string(&self.manifest).map_err(damaged)?;
        let named = self.weights.named();
        let data: Vec<Vec<u8>> = named.iter().map(|(_, m)| bytes(m)).collect();
        let mut views = Vec::with_capacity(named.len());
        for ((name, matrix), data) in named.iter().zip(&data) {
            let (rows, columns) = matrix.dim();
            views.push((name.as_str(), TensorView::new(Dtype::F32, vec![rows, columns], data)?));
        }
        let file = safetensors::serialize(views, Some(HashMap::from([(KEY.to_owned(), manifest)])))?;
        header_length(&file)?;
        Ok(file)
    }

    /// The model that [`Self::to_bytes`] wrote.
    pub fn from_bytes(file: &[u8]) -> Result<Self, ArtifactError> {
        header_length(file)?;
        let (_, header) = SafeTensors::read_metadata(file)?;
        let tensors = SafeTensors::deserialize(file)?;
        let manifest = header.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or(ArtifactError::Foreign)?;
        let version: Version = parse(manifest)?;
        if version.format != FORMAT {
            return Err(ArtifactError::Format { found: version.format });
        }
        let mut manifest: Manifest = parse(manifest)?;
        check::manifest(&manifest)?;
        let weights = read_weights(&manifest.config, &tensors)?;
        let written = std::mem::take(&mut manifest.sha256);
        sign(&mut manifest, &weights);
        let computed = &manifest.sha256;
        for (part, computed, written) in [
            ("source text", &computed.sources, written.sources),
            ("weights", &computed.weights, written.weights),
            ("manifest", &computed.manifest, written.manifest),
        ] {
            if *computed != written {
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

/// Reads a model. No more is read than the header describes, and nothing behind a header that describes too much.
pub fn load(path: &Path) -> Result<Artifact, ArtifactError> {
    let file = std::fs::File::open(path)?;
    let mut bytes = read_header(&file)?;
    let header: Metadata = serde_json::from_slice(&bytes[8..])
        .map_err(|error| ArtifactError::Container(SafeTensorError::InvalidHeaderDeserialization(error)))?;
    let expected = bytes.len() as u64 + header.data_len() as u64;
    if expected > MAX_BYTES {
        return Err(ArtifactError::TooLarge { bytes: expected });
    }
    (&file).take(header.data_len() as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        found if found != expected => Err(ArtifactError::Length { found, expected }),
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
    let Ok(bytes) = read_header(&file) else { return Ok(false) };
    let header: Result<Header, _> = serde_json::from_slice(&bytes[8..]);
    Ok(header.is_ok_and(|header| header.metadata.contains_key(KEY)))
}

/// Whether bytes begin as the file of a model does: with the length of a header, and an object.
pub fn is_beginning(bytes: &[u8]) -> bool {
    header_length(bytes).is_ok()
}

/// The length of the header that these bytes begin with.
fn header_length(bytes: &[u8]) -> Result<u64, ArtifactError> {
    let (length, header) = bytes.split_first_chunk().ok_or(ArtifactError::NoHeader)?;
    match u64::from_le_bytes(*length) {
        _ if header.first() != Some(&b'{') => Err(ArtifactError::NoHeader),
        bytes if bytes > MAX_HEADER => Err(ArtifactError::HeaderTooLarge { bytes }),
        bytes => Ok(bytes),
    }
}

/// The header of a file behind its length, if a model begins so. A device that never ends does not.
fn read_header(file: &std::fs::File) -> Result<Vec<u8>, ArtifactError> {
    let mut bytes = Vec::new();
    file.take(9).read_to_end(&mut bytes)?;
    let rest = header_length(&bytes)?.saturating_sub(1);
    file.take(rest).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads JSON, and names the field where that fails.
fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, ArtifactError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        ArtifactError::Manifest { field, why: error.into_inner() }
    })?;
    json.end().map_err(damaged)?;
    Ok(read)
}

/// The manifest as a whole is damaged.
fn damaged(why: serde_json::Error) -> ArtifactError {
    ArtifactError::Manifest { field: ".".to_owned(), why }
}

/// What is read of a manifest before its format is known.
#[derive(serde::Deserialize)]
struct Version {
    format: u64,
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
    weights_of(config, named).ok_or(ArtifactError::Layout)
}

/// The entries row by row, little endian.
fn bytes(matrix: &Array2<f32>) -> Vec<u8> {
    matrix.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Puts the hashes of a manifest and its weights into the manifest. Its own covers the other two.
fn sign(manifest: &mut Manifest, weights: &Weights) {
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
    manifest.sha256 = Hashes { sources: hex(sources), weights: hex(tensors), manifest: String::new() };
    let text = serde_json::to_vec(manifest).unwrap_or_default();
    manifest.sha256.manifest = hex(Sha256::new_with_prefix(text));
}

/// A hash in hexadecimal digits.
pub(crate) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
