//! Every layout and precision loads, and holds the same weights.

use std::collections::BTreeMap;

use anyhow::Result;
use half::bf16;

use super::model::{Model, kind_of};
use super::report::Stages;

pub(crate) fn compare(model: &Model, stages: &mut Stages) -> Result<()> {
    let weights = |checkpoint: &str| -> Result<BTreeMap<String, Vec<f32>>> {
        let mut all = BTreeMap::new();
        model.network(checkpoint)?.for_each_weight(&mut |tensor| {
            all.insert(tensor.name, tensor.values);
        });
        Ok(all)
    };
    for checkpoint in &model.checkpoints {
        let name = format!("checkpoint/{checkpoint}");
        stages.group(&name, |stages| {
            let found = weights(checkpoint)?;
            let single = format!("{}_f32", kind_of(checkpoint));
            let expected = if model.has(&single) { weights(&single)? } else { found.clone() };
            let is_rounded = checkpoint.contains("bf16");
            let round =
                |value: &f32| if is_rounded { bf16::from_f32(*value).to_f32() } else { *value };
            let names = |of: &BTreeMap<String, Vec<f32>>| of.keys().cloned().collect::<Vec<_>>();
            stages.same(&format!("{name}/names"), &names(&found), &names(&expected));
            let flat =
                |of: BTreeMap<String, Vec<f32>>| of.into_values().flatten().collect::<Vec<_>>();
            let expected: Vec<f32> = flat(expected).iter().map(round).collect();
            stages.close(&format!("{name}/weights"), &flat(found), &expected, 0.0);
            Ok(())
        });
    }
    Ok(())
}
