//! Low-rank adapters on chosen layers, by burn's own reparameterisation.

use burn::module::{Lora, Module, ParamGroup};

use crate::network::Network;
use crate::{Error, Result};

/// Where adapters go and how large they are.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraSettings {
    /// Width of the low-rank product.
    pub rank: usize,
    /// The product counts `alpha / rank`.
    pub alpha: f64,
    /// Names of the adapted layers, as PEFT's `target_modules`: the last part of their path.
    pub target_modules: Vec<String>,
    /// Whether layers of these names in the vision tower are adapted too.
    pub vision: bool,
}

/// Rank 16 on all linear layers of the language model, the tower left alone.
impl Default for LoraSettings {
    fn default() -> Self {
        let targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];
        Self {
            rank: 16,
            alpha: 32.0,
            target_modules: targets.map(String::from).to_vec(),
            vision: false,
        }
    }
}

impl LoraSettings {
    /// The burn settings for these layers of `network`.
    fn lora(&self, network: &Network) -> Result<Lora> {
        if self.rank == 0 || !(self.alpha > 0.0 && self.alpha.is_finite()) {
            let problem = format!("rank {} and alpha {} must be above 0", self.rank, self.alpha);
            return Err(Error::Request { field: "lora", problem });
        }
        let (mut paths, mut unmatched) = (vec![], vec![]);
        let all: Vec<String> = network.matrices().into_iter().map(|(path, _)| path).collect();
        for target in &self.target_modules {
            let is_target = |path: &&String| {
                (self.vision || !path.starts_with("visual."))
                    && path.strip_suffix(".weight").and_then(|layer| layer.rsplit('.').next())
                        == Some(target)
            };
            let found: Vec<String> = all.iter().filter(is_target).cloned().collect();
            if found.is_empty() {
                unmatched.push(target.as_str());
            }
            paths.extend(found);
        }
        if paths.is_empty() || !unmatched.is_empty() {
            let problem = format!(
                "no layer is called {unmatched:?}; there are q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, and in the tower qkv and proj"
            );
            return Err(Error::Request { field: "target_modules", problem });
        }
        Ok(Lora::new(self.rank, self.alpha)
            .set_dtype(network.dtype())
            .set_param_group(ParamGroup::from_paths(paths)))
    }
}

impl Network {
    /// The network with adapters that change nothing yet (their second factor is zero). All other parameters are frozen.
    /// Adapters that it had are replaced.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if the rank is 0 or a name matches no layer.
    pub fn with_lora(self, settings: &LoraSettings) -> Result<Self> {
        let network = self.without_adapter();
        let lora = settings.lora(&network)?;
        let mut network = network.apply_lora(lora);
        network.set_lora(Some(settings.clone()));
        Ok(network)
    }

    /// The network with its adapters added into the weights, which then are as large as ever and trainable no more.
    #[must_use]
    pub fn with_merged_adapter(self) -> Self {
        let mut network = self.materialize();
        network.set_lora(None);
        network
    }
}
