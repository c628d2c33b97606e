//! Broken checkpoints and boxes are refused by name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pose::vitpose::VitPose;
use pose::{Error, PersonBox, Picture};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{Stored, device, fixtures, model, read_tensors, write_tensors};

/// A copy of a checkpoint that a test may break.
struct Checkpoint(TempDir);

impl Checkpoint {
    fn copy(name: &str) -> Self {
        let dir = TempDir::new().unwrap();
        for entry in std::fs::read_dir(fixtures().join(name)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::write(
                dir.path().join(path.file_name().unwrap()),
                std::fs::read(&path).unwrap(),
            )
            .unwrap();
        }
        Self(dir)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn with_json(self, file: &str, edit: impl FnOnce(&mut Value)) -> Self {
        let path = self.path(file);
        let mut json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        edit(&mut json);
        std::fs::write(path, json.to_string()).unwrap();
        self
    }

    fn with_tensors(self, edit: impl FnOnce(&mut BTreeMap<String, Stored>)) -> Self {
        let path = self.path("model.safetensors");
        let mut tensors = read_tensors(&path);
        edit(&mut tensors);
        write_tensors(&path, &tensors);
        self
    }

    fn load(&self) -> Result<VitPose, Error> {
        VitPose::load(self.0.path(), &device())
    }

    #[track_caller]
    fn error(&self) -> Error {
        let error = self.load().expect_err("a broken checkpoint was loaded");
        assert!(error.to_string().len() < 600, "{error}");
        error
    }
}

const QUERY: &str = "backbone.encoder.layer.1.attention.attention.query.weight";
const NORM: &str = "backbone.layernorm.weight";

#[test]
fn missing_files_are_named() {
    for file in ["config.json", "model.safetensors"] {
        let checkpoint = Checkpoint::copy("simple_f32");
        std::fs::remove_file(checkpoint.path(file)).unwrap();
        match checkpoint.error() {
            Error::Io { path, .. } => assert!(path.ends_with(file), "{}", path.display()),
            other => panic!("{other}"),
        }
    }
    // The picture's statistics have a default that every published checkpoint shares.
    let checkpoint = Checkpoint::copy("simple_f32");
    std::fs::remove_file(checkpoint.path("preprocessor_config.json")).unwrap();
    assert!(checkpoint.load().is_ok());
}

#[test]
fn weights_that_do_not_fit_are_listed() {
    let checkpoint = Checkpoint::copy("simple_f32").with_tensors(|tensors| {
        tensors.remove(NORM);
        let bias = tensors.remove("head.conv.bias").unwrap();
        tensors.insert("head.conv.offset".into(), bias);
        tensors.get_mut(QUERY).unwrap().shape = vec![16, 64];
    });
    let error = checkpoint.error();
    let Error::Weights { missing, unused, misshaped, .. } = &error else { panic!("{error}") };
    assert_eq!(missing, &[NORM, "head.conv.bias"]);
    assert_eq!(unused, &["head.conv.offset"]);
    assert_eq!(misshaped.len(), 1);
    assert!(misshaped[0].contains(QUERY) && misshaped[0].contains("[16, 64]"), "{misshaped:?}");
    assert!(error.to_string().contains("backbone.layernorm.weight"), "{error}");
}

#[test]
fn weights_that_are_not_numbers_are_refused() {
    for value in [f32::NAN, f32::INFINITY] {
        let checkpoint = Checkpoint::copy("simple_f32").with_tensors(|tensors| {
            tensors.get_mut(NORM).unwrap().bytes[..4].copy_from_slice(&value.to_le_bytes());
        });
        let error = checkpoint.error();
        assert!(matches!(&error, Error::BadWeight { name, .. } if name == NORM), "{error}");
    }
    let variance = "head.batchnorm2.running_var";
    let checkpoint = Checkpoint::copy("classic_bf16").with_tensors(|tensors| {
        tensors.get_mut(variance).unwrap().bytes[..2].copy_from_slice(&0x7fc0_u16.to_le_bytes());
    });
    let error = checkpoint.error();
    assert!(matches!(&error, Error::BadWeight { name, .. } if name == variance), "{error}");
}

#[test]
fn weights_that_overflow_give_an_error_not_a_picture() {
    let checkpoint = Checkpoint::copy("simple_f32").with_tensors(|tensors| {
        for value in tensors.get_mut("head.conv.weight").unwrap().bytes.chunks_exact_mut(4) {
            value.copy_from_slice(&f32::MAX.to_le_bytes());
        }
    });
    let rgb = vec![200; 30 * 40 * 3];
    let picture = Picture::new(30, 40, &rgb).unwrap();
    let whole = PersonBox::whole(30, 40).unwrap();
    let result = checkpoint.load().unwrap().estimate(&[(picture, whole)]);
    assert!(matches!(result, Err(Error::NotFinite)), "{result:?}");
}

#[test]
fn files_that_are_no_safetensors_are_refused() {
    let whole = std::fs::read(fixtures().join("simple_f32/model.safetensors")).unwrap();
    let no_length = u64::MAX.to_le_bytes();
    for bytes in [&whole[..0], &whole[..7], &whole[..200], &whole[..whole.len() - 1], &no_length] {
        let checkpoint = Checkpoint::copy("simple_f32");
        std::fs::write(checkpoint.path("model.safetensors"), bytes).unwrap();
        assert!(matches!(checkpoint.error(), Error::WeightFile { .. }), "{} bytes", bytes.len());
    }
}

#[test]
fn settings_of_no_network_are_refused_by_field() {
    let cases = [
        ("backbone_config.hidden_size", json!(0)),
        ("backbone_config.hidden_size", json!(1_000_000_000)),
        ("backbone_config.num_attention_heads", json!(5)),
        ("backbone_config.num_attention_heads", json!(0)),
        ("backbone_config.patch_size", json!([0, 16])),
        ("backbone_config.patch_size", json!(4)), // the padded convolution makes one patch more
        ("backbone_config.image_size", json!([256, 1_000_000])),
        ("backbone_config.hidden_act", json!("sigmoid")),
        ("backbone_config.num_channels", json!(1)),
        ("backbone_config.layer_norm_eps", json!(-1.0)),
        ("backbone_config.out_indices", json!([3])),
        ("scale_factor", json!(0)),
        ("id2label", json!({})),
        ("id2label", json!({"0": "nose", "2": "eye"})),
        ("model_type", json!("vit")),
    ];
    for (field, value) in cases {
        let checkpoint = Checkpoint::copy("simple_f32").with_json("config.json", |config| {
            match field.split_once('.') {
                Some((outer, inner)) => config[outer][inner] = value.clone(),
                None => config[field] = value.clone(),
            }
        });
        let error = checkpoint.error();
        let Error::Checkpoint { field: named, .. } = &error else { panic!("{field}: {error}") };
        assert_eq!(named, field, "{value}");
    }
    let checkpoint = Checkpoint::copy("simple_f32");
    std::fs::write(checkpoint.path("config.json"), "{\"scale_factor\": \"four\"}").unwrap();
    assert!(matches!(checkpoint.error(), Error::Json { .. }));
}

#[test]
fn pictures_prepared_by_another_rule_are_refused_by_field() {
    for (field, value) in [
        ("image_std", json!([0.0, 1.0, 1.0])),
        ("rescale_factor", json!(0.0)),
        ("normalize_factor", json!(100.0)),
        ("do_affine_transform", json!(false)),
    ] {
        let file = "preprocessor_config.json";
        let checkpoint = Checkpoint::copy("simple_f32").with_json(file, |json| json[field] = value);
        let error = checkpoint.error();
        assert!(
            matches!(&error, Error::Checkpoint { field: named, .. } if named == field),
            "{error}"
        );
    }
}

#[test]
fn parts_of_a_checkpoint_are_loaded_together_and_missed_by_name() {
    let parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let checkpoint = Checkpoint::copy("simple_f32");
    let tensors = read_tensors(&checkpoint.path("model.safetensors"));
    std::fs::remove_file(checkpoint.path("model.safetensors")).unwrap();
    let of = |name: &str| parts[usize::from(name.contains("layer.1"))];
    for part in parts {
        let own = tensors.iter().filter(|(name, _)| of(name) == part);
        let own = own.map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
        write_tensors(&checkpoint.path(part), &own);
    }
    let index: BTreeMap<&String, &str> = tensors.keys().map(|name| (name, of(name))).collect();
    let write = |index: &Value| {
        std::fs::write(checkpoint.path("model.safetensors.index.json"), index.to_string()).unwrap();
    };
    write(&json!({ "weight_map": index }));
    assert!(checkpoint.load().is_ok());
    std::fs::remove_file(checkpoint.path(parts[1])).unwrap();
    assert!(matches!(checkpoint.error(), Error::Io { path, .. } if path.ends_with(parts[1])));
    write(&json!({ "weight_map": { "head.conv.bias": "../elsewhere.safetensors" } }));
    assert!(matches!(checkpoint.error(), Error::Checkpoint { field, .. } if field == "weight_map"));
}

#[test]
fn boxes_outside_their_picture_are_refused() {
    let model = model("simple_f32");
    let rgb = vec![0; 30 * 40 * 3];
    let picture = Picture::new(30, 40, &rgb).unwrap();
    for (left, top) in [(30.0, 0.0), (0.0, 40.0), (-10.0, 0.0), (0.0, -10.0), (1e6, 1e6)] {
        let person = PersonBox::new(left, top, 10.0, 10.0).unwrap();
        let result = model.estimate(&[(picture, person)]);
        assert!(matches!(result, Err(Error::PersonBox { .. })), "{left}, {top}");
    }
    let inside = PersonBox::new(29.5, 39.5, 10.0, 10.0).unwrap();
    assert_eq!(model.estimate(&[(picture, inside)]).unwrap()[0].len(), 17);
    assert!(model.estimate(&[]).unwrap().is_empty());
}

#[test]
fn heat_that_is_no_number_has_no_keypoints() {
    let mut heat = ndarray::Array3::<f32>::zeros((17, 64, 48));
    heat[[3, 5, 5]] = f32::NAN;
    let person = PersonBox::whole(30, 40).unwrap();
    let result = model("simple_f32").decode(heat.view(), &person);
    assert!(matches!(result, Err(Error::NotFinite)));
}

#[test]
fn experts_and_flip_tests_that_cannot_be_are_refused() {
    let refused = model("simple_f32").with_expert(1);
    assert!(matches!(refused, Err(Error::Expert { expert: 1, num_experts: 1 })));
    assert!(model("experts_f32").with_expert(3).is_err());
    let labels = json!({"0": "left_wrist", "1": "left_ankle"});
    let checkpoint = Checkpoint::copy("simple_f32")
        .with_json("config.json", |config| config["id2label"] = labels)
        .with_tensors(|tensors| {
            let shorten = |tensor: &mut Stored| {
                tensor.bytes.truncate(tensor.bytes.len() / tensor.shape[0] * 2);
                tensor.shape[0] = 2;
            };
            shorten(tensors.get_mut("head.conv.weight").unwrap());
            shorten(tensors.get_mut("head.conv.bias").unwrap());
        });
    let refused = checkpoint.load().unwrap().with_flip_test();
    assert!(matches!(refused, Err(Error::Labels { .. })));
}
