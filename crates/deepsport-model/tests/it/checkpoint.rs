//! Opening and reading checkpoints, good and bad.

use deepsport_model::Init;
use deepsport_model::checkpoint::{Checkpoint, Layout};

use crate::golden::{device, path};

#[test]
fn every_layout_is_complete() {
    for (folder, layout, tensors) in [
        ("untied_f32", Layout::Hub, 93),
        ("tied_f32", Layout::Hub, 92),
        ("untied_bf16", Layout::Hub, 93),
        ("untied_bf16_sharded", Layout::Hub, 93),
        ("untied_bf16_hub_flat", Layout::Hub, 93),
        ("untied_bf16_new_keys", Layout::Nested, 93),
        ("tied_bf16_hub_flat", Layout::Hub, 92),
    ] {
        let Some(path) = path(folder) else { continue };
        let checkpoint = Checkpoint::open(path).unwrap();
        assert!(checkpoint.report().is_clean(), "{folder}: {}", checkpoint.report());
        assert_eq!(checkpoint.layout(), layout, "{folder}");
        assert_eq!(checkpoint.tensors().count(), tensors, "{folder}");
        let mut done = 0;
        checkpoint.load(&Init::new(&device()), &mut |progress| done = progress.bytes_done).unwrap();
        assert_eq!(done, checkpoint.num_bytes());
    }
}
