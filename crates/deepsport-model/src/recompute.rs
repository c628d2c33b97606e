//! Parts of a network whose inner tensors are computed again in the backward pass instead of being kept.
//!
//! burn's own checkpointing recomputes single cheap operations. [`recompute`] does it for a whole part (a decoder layer, a
//! chunk of attention, a chunk of the head): of the forward only the inputs stay in memory. The backward pass runs the part
//! again under automatic differentiation, takes its gradients, and frees it before the next one. It is an ordinary
//! operation of the graph, so that any loss can be put behind it, and parts may nest.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Backend, DispatchKindConversion, DispatchTensor};
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

type Body<M, const N: usize, const D: usize, const E: usize> =
    Arc<dyn Fn(&M, [Tensor<D>; N]) -> Tensor<E> + Send + Sync>;

/// `body(module, inputs)`, keeping only the inputs for the backward pass.
///
/// Gradients reach `inputs` and every parameter of `module`. `body` must compute the same each time it is called, and use
/// no parameter but those of the module it is given. Without gradients, or on a device that no feature of this crate
/// names, it is just called.
///
/// # Shapes
///
/// - `inputs`: rank `D` each; output: rank `E`
pub(crate) fn recompute<M, const N: usize, const D: usize, const E: usize>(
    module: &M,
    inputs: [Tensor<D>; N],
    body: impl Fn(&M, [Tensor<D>; N]) -> Tensor<E> + Send + Sync + 'static,
) -> Tensor<E>
where
    M: Module + Sync + 'static,
{
    if !inputs[0].is_autodiff() {
        return body(module, inputs);
    }
    let body: Body<M, N, D, E> = Arc::new(body);
    #[cfg(feature = "flex")]
    let inputs = match record::<burn::backend::Flex, M, N, D, E>(module, inputs, &body) {
        Ok(output) => return output,
        Err(inputs) => inputs,
    };
    #[cfg(feature = "cuda")]
    let inputs = match record::<burn::backend::Cube, M, N, D, E>(module, inputs, &body) {
        Ok(output) => return output,
        Err(inputs) => inputs,
    };
    body(module, inputs)
}

/// The part as one operation of the graph, if the tensors live on backend `B`.
fn record<B, M, const N: usize, const D: usize, const E: usize>(
    module: &M,
    inputs: [Tensor<D>; N],
    body: &Body<M, N, D, E>,
) -> Result<Tensor<E>, [Tensor<D>; N]>
where
    B: Backend,
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B>>,
    M: Module + Sync + 'static,
{
    if inputs.iter().any(|input| input.clone().try_into_primitive::<Autodiff<B>>().is_err()) {
        return Err(inputs);
    }
    let mut parameters = NodesOf::<B>::default();
    module.visit(&mut parameters);
    let any_tracked = inputs.iter().any(Tensor::is_tracked);
    if !any_tracked && parameters.nodes.is_empty() {
        let output = body(&module.valid(), inputs.map(Tensor::inner)); // nothing to train: frozen
        return Ok(Tensor::from_inner(output));
    }
    // an operation is tracked if one of its inputs is; the parameters inside are not inputs of the graph
    let mut is_first = true;
    let inputs = inputs.map(|input| {
        let tracks = std::mem::take(&mut is_first) && !any_tracked;
        if tracks { input.require_grad() } else { input }
    });

    let module = module.valid();
    let plain = inputs.clone().map(Tensor::inner);
    let output = body(&module, plain.clone());
    let output = output.try_into_primitive::<B>().expect("the part stays on its device");
    let nodes = inputs
        .map(|input| input.try_into_primitive::<Autodiff<B>>().expect("checked above").node());
    let part = Part { module, inputs: plain, body: Arc::clone(body), parameters: parameters.nodes };
    let output = match Backward::<B, N>::prepare::<
        burn::backend::autodiff::checkpoint::strategy::NoCheckpointing,
    >(Again::<M, N, D, E>::new(), nodes)
    .compute_bound()
    .stateful()
    {
        OpsKind::Tracked(prep) => prep.finish(part, output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    };
    Ok(Tensor::from_primitive::<Autodiff<B>>(output))
}

/// Everything the backward pass needs to run a part again.
struct Part<M, const N: usize, const D: usize, const E: usize> {
    module: M,
    inputs: [Tensor<D>; N],
    body: Body<M, N, D, E>,
    /// Where the gradient of each trained parameter goes.
    parameters: HashMap<ParamId, NodeId>,
}

impl<M: Clone, const N: usize, const D: usize, const E: usize> Clone for Part<M, N, D, E> {
    fn clone(&self) -> Self {
        Self {
            module: self.module.clone(),
            inputs: self.inputs.clone(),
            body: Arc::clone(&self.body),
            parameters: self.parameters.clone(),
        }
    }
}

impl<M, const N: usize, const D: usize, const E: usize> fmt::Debug for Part<M, N, D, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("parameters", &self.parameters.len()).finish_non_exhaustive()
    }
}

/// The backward operation: its state is a [`Part`].
struct Again<M, const N: usize, const D: usize, const E: usize>(std::marker::PhantomData<fn(M)>);

impl<M, const N: usize, const D: usize, const E: usize> Again<M, N, D, E> {
    fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<M, const N: usize, const D: usize, const E: usize> fmt::Debug for Again<M, N, D, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Again")
    }
}

impl<B, M, const N: usize, const D: usize, const E: usize> Backward<B, N> for Again<M, N, D, E>
where
    B: Backend,
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B>>,
    M: Module + Sync + 'static,
{
    type State = Part<M, N, D, E>;

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let part = ops.state;
        let upstream = Tensor::<E>::from_primitive::<B>(grads.consume::<B>(&ops.node));
        // Leaves of their own: the outer graph is locked while its backward runs.
        let module = part.module.train();
        let mut parent = ops.parents.iter();
        let inputs = part.inputs.map(|input| {
            let input = Tensor::from_inner(input);
            if parent.next().is_some_and(Option::is_some) { input.require_grad() } else { input }
        });
        let output = (part.body)(&module, inputs.clone());
        let inner = (output * Tensor::from_inner(upstream)).sum().backward();
        for (input, node) in inputs.iter().zip(&ops.parents) {
            if let (Some(grad), Some(node)) = (input.grad(&inner), node) {
                grads.register::<B>(
                    node.id,
                    grad.try_into_primitive::<B>().expect("gradients stay on their device"),
                );
            }
        }
        module.visit(&mut Deliver::<B> {
            from: &inner,
            to: grads,
            nodes: &part.parameters,
            backend: std::marker::PhantomData,
        });
    }
}

/// Collects the graph nodes of the parameters that are trained.
struct NodesOf<B> {
    nodes: HashMap<ParamId, NodeId>,
    backend: std::marker::PhantomData<B>,
}

impl<B> Default for NodesOf<B> {
    fn default() -> Self {
        Self { nodes: HashMap::new(), backend: std::marker::PhantomData }
    }
}

impl<B> ModuleVisitor for NodesOf<B>
where
    B: Backend,
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B>>,
{
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.base();
        if value.is_require_grad()
            && let Ok(value) = value.try_into_primitive::<Autodiff<B>>()
        {
            self.nodes.insert(param.id, value.id());
        }
    }
}

/// Adds the gradients of a part's own leaves to those of the parameters they stand for.
struct Deliver<'a, B> {
    from: &'a burn::tensor::Gradients,
    to: &'a mut Gradients,
    nodes: &'a HashMap<ParamId, NodeId>,
    backend: std::marker::PhantomData<B>,
}

impl<B> ModuleVisitor for Deliver<'_, B>
where
    B: Backend,
    DispatchTensor: DispatchKindConversion<B>,
{
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let (Some(node), Some(grad)) = (self.nodes.get(&param.id), param.base().grad(self.from))
        {
            self.to.register::<B>(
                *node,
                grad.try_into_primitive::<B>().expect("gradients stay on their device"),
            );
        }
    }
}
