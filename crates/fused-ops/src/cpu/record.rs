//! From tensors to slices and back, with a place in the graph of gradients.

use std::fmt;
use std::ops::{Deref, Range};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{Shape, Tensor, TensorData};

/// An operation on `N` tensors with its gradients.
pub(super) trait Operation<const N: usize>: Clone + fmt::Debug + Send + 'static {
    /// What the backward pass needs of the forward pass.
    type Kept: Clone + fmt::Debug + Send + 'static;

    /// The output, and what is kept if there will be a backward pass.
    fn forward(&self, inputs: [FlexTensor; N], keep: bool) -> (FlexTensor, Option<Self::Kept>);

    /// Gradients of the inputs.
    fn backward(&self, kept: Self::Kept, grad: FlexTensor) -> [FlexTensor; N];
}

type Recorded = FloatTensor<Autodiff<Flex>>;

/// A tensor of any rank that [`serves`](super::serves).
pub(super) enum Input {
    Plain(FlexTensor),
    OfGraph(Recorded),
}

impl<const D: usize> From<Tensor<D>> for Input {
    fn from(x: Tensor<D>) -> Self {
        if x.is_autodiff() {
            Self::OfGraph(x.try_into_primitive::<Autodiff<Flex>>().expect("a tensor that serves"))
        } else {
            Self::Plain(primitive(x))
        }
    }
}

/// The output of `operation`, recorded for the backward pass if an input is part of a graph.
pub(super) fn record<O: Operation<N>, const N: usize, const D: usize>(
    operation: O,
    inputs: [Input; N],
) -> Tensor<D> {
    if inputs.iter().all(|input| matches!(input, Input::Plain(_))) {
        let inputs = inputs.map(|input| match input {
            Input::Plain(x) => x,
            Input::OfGraph(x) => x.into_primitive(),
        });
        return Tensor::from_primitive::<Flex>(operation.forward(inputs, false).0);
    }
    let (mut guards, mut tensors) = (Vec::with_capacity(N), Vec::with_capacity(N));
    for input in inputs {
        let (tensor, guard) = match input {
            Input::Plain(x) => Recorded::new(x),
            Input::OfGraph(x) => x,
        }
        .into_parts();
        guards.push(guard);
        tensors.push(tensor);
    }
    let guards: [NodeGuard; N] = guards.try_into().expect("N of them");
    let tensors: [FlexTensor; N] = tensors.try_into().expect("N of them");
    let step = Step(std::marker::PhantomData::<fn(O)>);
    let output = match step.prepare::<NoCheckpointing>(guards).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let (output, kept) = operation.forward(tensors, true);
            prep.finish((operation, kept.expect("asked for")), output)
        }
        OpsKind::UnTracked(prep) => prep.finish(operation.forward(tensors, false).0),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(output)
}

struct Step<O>(std::marker::PhantomData<fn(O)>);

impl<O> fmt::Debug for Step<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Step")
    }
}

impl<O: Operation<N>, const N: usize> Backward<Flex, N> for Step<O> {
    type State = (O, O::Kept);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (operation, kept) = ops.state;
        let grad = grads.consume::<Flex>(&ops.node);
        for (grad, parent) in operation.backward(kept, grad).into_iter().zip(ops.parents) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, grad);
            }
        }
    }
}

/// The numbers of a tensor in row-major order.
pub(super) struct Flat {
    tensor: FlexTensor,
    range: Range<usize>,
}

impl Flat {
    pub(super) fn new(tensor: FlexTensor) -> Self {
        match tensor.layout().contiguous_offsets() {
            Some((start, end)) => Self { tensor, range: start..end },
            None => Self::new(tensor.to_contiguous()),
        }
    }
}

impl Deref for Flat {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.tensor.storage()[self.range.clone()]
    }
}

/// Numbers that nobody else holds, in row-major order, to be written over; copied only if they are not so yet.
pub(super) fn owned(tensor: FlexTensor) -> FlexTensor {
    let is_whole =
        tensor.layout().contiguous_offsets() == Some((0, tensor.bytes().len() / size_of::<f32>()));
    if is_whole && tensor.is_unique() {
        return tensor;
    }
    let shape = tensor.layout().shape().clone();
    let numbers = Flat::new(tensor).to_vec();
    made(numbers, shape)
}

pub(super) fn made(numbers: Vec<f32>, shape: Shape) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers, shape))
}

/// The sum of lines of `width` numbers.
pub(super) fn add_up(mut lines: Vec<f32>, width: usize) -> Vec<f32> {
    let (total, others) = lines.split_at_mut(width);
    for other in others.chunks_exact(width) {
        for (total, other) in total.iter_mut().zip(other) {
            *total += other;
        }
    }
    lines.truncate(width);
    lines
}

/// What the backend holds of a tensor that serves and has no gradients.
pub(super) fn primitive<const D: usize>(x: Tensor<D>) -> FlexTensor {
    x.try_into_primitive::<Flex>().expect("a tensor that serves")
}
