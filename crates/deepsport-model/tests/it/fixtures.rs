//! The fixtures: tiny checkpoints, pictures, conversations, and the numbers of transformers for them.
//!
//! The whole set lies beside the checkout (`../shared/fixtures`); a part of it is in `tests/fixtures`, enough that every
//! stage is checked on a machine that has only the checkout. A test whose file is in neither says so and passes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use deepsport_model::checkpoint::Checkpoint;
use deepsport_model::processor::Pixels;
use deepsport_model::{Init, ModelConfig, Network, Sequence};
use safetensors::{SafeTensors, tensor::Dtype};
use serde_json::Value;

/// The folders that hold fixtures, the fullest first.
const FOLDERS: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"),
];

/// The path of a fixture, or a visible note that the test is skipped.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let found =
        FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: {name} is not among the fixtures");
    }
    found
}

/// The same of what belongs to the tiny checkpoints.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    find(&format!("qwen2_5_vl_tiny/{name}"))
}

/// A file that is committed with the crate.
pub(crate) fn own(name: &str) -> PathBuf {
    Path::new(FOLDERS[1]).join(name)
}

/// Its bytes.
pub(crate) fn read(name: &str) -> Vec<u8> {
    let path = own(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Its content, if it is JSON.
pub(crate) fn own_json(name: &str) -> Value {
    serde_json::from_slice(&read(name)).unwrap()
}

pub(crate) fn device() -> Device {
    Device::flex()
}

/// A checkpoint of the fixtures, in single precision.
pub(crate) fn network(name: &str) -> Option<Network> {
    let checkpoint = Checkpoint::open(path(name)?).unwrap();
    Some(checkpoint.load(&Init::new(&device()), &mut |_| {}).unwrap())
}

pub(crate) fn json(name: &str) -> Option<Value> {
    Some(serde_json::from_str(&std::fs::read_to_string(path(name)?).unwrap()).unwrap())
}

/// A golden tensor file.
pub(crate) struct Golden {
    bytes: Vec<u8>,
}

impl Golden {
    pub(crate) fn open(name: &str) -> Option<Self> {
        Some(Self { bytes: std::fs::read(path(&format!("goldens/{name}.safetensors"))?).unwrap() })
    }

    /// A file that is committed with the crate.
    pub(crate) fn own(name: &str) -> Self {
        Self { bytes: read(name) }
    }

    fn file(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).unwrap()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.file().tensor(name).is_ok()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.file().names().iter().map(|name| (*name).to_owned()).collect()
    }

    pub(crate) fn shape(&self, name: &str) -> Vec<usize> {
        self.file().tensor(name).unwrap().shape().to_vec()
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        let file = self.file();
        let view = file.tensor(name).unwrap();
        match view.dtype() {
            Dtype::F32 => {
                view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
            }
            Dtype::F64 => view
                .data()
                .as_chunks::<8>()
                .0
                .iter()
                .map(|b| f64::from_le_bytes(*b) as f32)
                .collect(),
            dtype => panic!("{name} is {dtype:?}"),
        }
    }

    pub(crate) fn ints(&self, name: &str) -> Vec<i64> {
        let file = self.file();
        let view = file.tensor(name).unwrap();
        match view.dtype() {
            Dtype::I64 => {
                view.data().as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect()
            }
            Dtype::I32 => view
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| i64::from(i32::from_le_bytes(*b)))
                .collect(),
            dtype => panic!("{name} is {dtype:?}"),
        }
    }

    /// A list of `[time, height, width]`, or nothing.
    pub(crate) fn grids(&self, name: &str) -> Vec<[usize; 3]> {
        if !self.has(name) {
            return vec![];
        }
        self.ints(name)
            .as_chunks::<3>()
            .0
            .iter()
            .map(|grid| grid.map(|size| size as usize))
            .collect()
    }
}

/// Pictures and clips by name.
pub(crate) fn pixels(name: &str, seconds_per_grid: Option<f64>) -> Option<Arc<Pixels>> {
    let golden = Golden::open("pixels")?;
    if !golden.has(&format!("{name}.grid_thw")) {
        eprintln!("skipped: pixels of {name} are not among the fixtures");
        return None;
    }
    let grid = golden.grids(&format!("{name}.grid_thw"))[0];
    Some(Arc::new(Pixels {
        patches: golden.floats(&format!("{name}.pixel_values")),
        grid,
        seconds_per_grid,
    }))
}

/// One row of a case: its live tokens and its share of the media.
pub(crate) struct Row {
    pub(crate) sequence: Sequence,
    /// Columns of the case's rectangle that are not padding.
    pub(crate) columns: Vec<usize>,
}

/// The rows of a forward or training case. Pictures and clips are dealt out in the order of placeholders.
pub(crate) fn rows(
    golden: &Golden,
    pictures: &[String],
    clips: &[String],
    config: &ModelConfig,
) -> Option<Vec<Row>> {
    let [batch, width] = golden.shape("input_ids")[..] else { panic!("two axes") };
    let (ids, mask) = (golden.ints("input_ids"), golden.ints("attention_mask"));
    let seconds =
        if golden.has("second_per_grid_ts") { golden.floats("second_per_grid_ts") } else { vec![] };
    let mut pictures =
        pictures.iter().map(|name| pixels(name, None)).collect::<Option<Vec<_>>>()?.into_iter();
    let clips =
        clips.iter().zip(&seconds).map(|(name, seconds)| pixels(name, Some(f64::from(*seconds))));
    let mut clips = clips.collect::<Option<Vec<_>>>()?.into_iter();
    let rows = (0..batch).map(|row| {
        let columns: Vec<usize> =
            (0..width).filter(|column| mask[row * width + column] == 1).collect();
        let ids: Vec<u32> = columns.iter().map(|column| ids[row * width + column] as u32).collect();
        let mut media: Vec<Arc<Pixels>> = vec![];
        let mut place = 0;
        while place < ids.len() {
            let next = match ids[place] {
                id if id == config.image_token_id => pictures.next().unwrap(),
                id if id == config.video_token_id => clips.next().unwrap(),
                _ => {
                    place += 1;
                    continue;
                }
            };
            place += next.grid.iter().product::<usize>() / config.vision.patches_per_cell();
            media.push(next);
        }
        Row { sequence: Sequence::new(&ids, &media, config).unwrap(), columns }
    });
    Some(rows.collect())
}

/// Names of a case's pictures and clips, from `cases.json`.
pub(crate) fn media_of(case: &str) -> Option<(Vec<String>, Vec<String>)> {
    let cases = json("goldens/cases.json")?;
    let names = |field: &str| -> Vec<String> {
        let list = cases["cases"][case][field].as_array().unwrap();
        list.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    Some((names("pictures"), names("clips")))
}

pub(crate) fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor.to_data().convert::<f32>().try_into_vec::<f32>().unwrap()
}

/// The largest difference, which must not pass `limit`.
#[track_caller]
pub(crate) fn assert_close(what: &str, found: &[f32], expected: &[f32], limit: f32) -> f32 {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let finite = found.iter().all(|value| value.is_finite());
    assert!(finite && worst <= limit, "{what}: {worst:e} is over {limit:e}");
    worst
}
