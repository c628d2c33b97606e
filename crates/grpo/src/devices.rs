//! One step's work shared out over devices: data parallelism.

use burn::module::Module;
use burn::tensor::Device;

use crate::Result;

/// Does micro-batches `0..count`, the i-th on device i modulo their number: `module`'s own, and copies of it on `others`, each on
/// a thread of its own. `work` gets a device's module and its share; results are in the order of devices.
///
/// Which device does what depends on the numbers alone, so a run repeats itself bit for bit on as many devices that compute
/// alike.
pub(crate) fn share_out<M: Module, T: Send>(
    module: &M,
    others: &[Device],
    count: usize,
    work: impl Fn(&M, &mut dyn Iterator<Item = usize>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let num_devices = (others.len() + 1).min(count.max(1));
    let share = |device_idx: usize| (device_idx..count).step_by(num_devices);
    let trains = module.devices().first().is_some_and(Device::is_autodiff);
    let (work, share) = (&work, &share);
    std::thread::scope(|scope| {
        let others = others[..num_devices - 1].iter().cloned().zip(1..);
        let threads: Vec<_> = others
            .map(|(device, device_idx)| {
                let device = device.without_autodiff();
                let device = if trains { device.autodiff() } else { device };
                let copy = module.clone().fork(&device);
                scope.spawn(move || work(&copy, &mut share(device_idx)))
            })
            .collect();
        let mut results = vec![work(module, &mut share(0))];
        results.extend(
            threads.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }),
        );
        results.into_iter().collect()
    })
}

/// What [`share_out`] gave for each micro-batch, in their order.
pub(crate) fn in_order<T>(shares: impl IntoIterator<Item = Vec<(usize, T)>>) -> Vec<T> {
    let mut all: Vec<(usize, T)> = shares.into_iter().flatten().collect();
    all.sort_unstable_by_key(|(idx, _)| *idx);
    all.into_iter().map(|(_, value)| value).collect()
}
