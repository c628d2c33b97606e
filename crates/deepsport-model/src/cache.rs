//! Keys and values of what was read already, allocated ahead.
//!
//! Positions are turned into keys before they are stored, so that a place in the cache means nothing but the order of
//! arrival. Rows of different length therefore share one write mark: places that a row does not use are marked as such
//! and never looked at. A cache can be [forked](KvCache::fork): the rows that were read once stay as a shared prefix, and each
//! fork keeps only what is its own.

use burn::tensor::{Bool, Device, FloatDType, Tensor, TensorData};
use fused_ops::Seen;

use crate::config::TextConfig;

/// Keys and values of all layers.
#[derive(Debug, Clone)]
pub struct KvCache {
    layers: Vec<LayerCache>,
    /// Which places of its own part each row uses, `[rows][used]`.
    live: Vec<Vec<bool>>,
    /// The same of the shared prefix, `[prefixes][prefix_len]`; empty without one.
    prefix_live: Vec<Vec<bool>>,
    /// Rows that share each prefix, side by side.
    forks: usize,
    used: usize,
    capacity: usize,
}

/// Keys and values of one layer.
#[derive(Debug, Clone)]
pub(crate) struct LayerCache {
    /// `[rows, kv_heads, capacity, head_dim]`; `None` only while being written.
    own: Option<[Tensor<4>; 2]>,
    /// `[prefixes, kv_heads, prefix_len, head_dim]`
    prefix: Option<[Tensor<4>; 2]>,
    used: usize,
}

/// What a query may look at.
pub(crate) struct Context {
    /// Shared keys and values, `[prefixes, kv_heads, prefix_len, head_dim]`.
    pub(crate) prefix: Option<[Tensor<4>; 2]>,
    /// The rows' own, those of the present tokens included: `[rows, kv_heads, keys, head_dim]`.
    pub(crate) own: [Tensor<4>; 2],
}

/// Which pairs of present tokens and keys do not see each other.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    /// `[rows or 1, 1, tokens, prefix + own keys]`; `None` if the order of arrival says it all.
    pub(crate) hidden: Option<Tensor<4, Bool>>,
}

impl KvCache {
    /// Room for `capacity` tokens in each of `rows` sequences. It grows when they do not suffice, which costs a copy.
    #[must_use]
    pub fn new(
        config: &TextConfig,
        rows: usize,
        capacity: usize,
        dtype: FloatDType,
        device: &Device,
    ) -> Self {
        let shape = [rows, config.num_key_value_heads, capacity.max(1), config.head_dim];
        let empty = || Tensor::zeros(shape, (device, dtype.into()));
        let layer = || LayerCache { own: Some([empty(), empty()]), prefix: None, used: 0 };
        Self {
            layers: (0..config.num_hidden_layers).map(|_| layer()).collect(),
            live: vec![Vec::new(); rows],
            prefix_live: Vec::new(),
            forks: 1,
            used: 0,
            capacity: capacity.max(1),
        }
    }

    /// Sequences.
    #[must_use]
    pub fn num_rows(&self) -> usize {
        self.live.len()
    }

    /// Tokens of a sequence, its prefix included.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn len(&self, row: usize) -> usize {
        let count = |places: &[bool]| places.iter().filter(|live| **live).count();
        count(&self.live[row])
            + self.prefix_live.get(row / self.forks).map_or(0, |places| count(places))
    }

    /// Whether nothing was read yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0 && self.prefix_len() == 0
    }

    fn prefix_len(&self) -> usize {
        self.prefix_live.first().map_or(0, Vec::len)
    }

    /// Every row `forks` times, side by side. What was read so far becomes a prefix that the forks share, without
    /// copying; `capacity` is the room that each of them gets for what is its own.
    ///
    /// A second fork copies, because prefixes do not nest; so does one before anything was read.
    #[must_use]
    pub fn fork(mut self, forks: usize, capacity: usize) -> Self {
        if forks == 1 {
            return self;
        }
        if self.prefix_len() > 0 || self.used == 0 {
            let rows: Vec<usize> =
                (0..self.num_rows()).flat_map(|row| std::iter::repeat_n(row, forks)).collect();
            self.keep_rows(&rows);
            return self;
        }
        let rows = self.num_rows() * forks;
        let used = self.used;
        for layer in &mut self.layers {
            let Some(own) = layer.own.take() else { continue };
            let [_, heads, _, head_dim] = own[0].dims();
            let shape = [rows, heads, capacity.max(1), head_dim];
            let (device, dtype) = (own[0].device(), own[0].dtype());
            layer.own = Some([
                Tensor::zeros(shape, (&device, dtype)),
                Tensor::zeros(shape, (&device, dtype)),
            ]);
            layer.prefix = Some(own.map(|whole| whole.narrow(2, 0, used)));
            layer.used = 0;
        }
        self.prefix_live = std::mem::replace(&mut self.live, vec![Vec::new(); rows]);
        self.forks = forks;
        self.used = 0;
        self.capacity = capacity.max(1);
        self
    }

    /// Keeps these rows, in this order; the others' memory is freed. With a prefix that several rows share, its places
    /// are copied to the rows first.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn keep_rows(&mut self, rows: &[usize]) {
        self.merge_prefix();
        let device = self.layers[0].own.as_ref().expect("not being written")[0].device();
        let index: Vec<i64> = rows.iter().map(|row| *row as i64).collect();
        let index = Tensor::<1, burn::tensor::Int>::from_data(
            TensorData::new(index, [rows.len()]),
            &device,
        );
        for layer in &mut self.layers {
            layer.own = layer.own.take().map(|own| own.map(|whole| whole.select(0, index.clone())));
        }
        self.live = rows.iter().map(|row| self.live[*row].clone()).collect();
    }

    /// Gives every row its own copy of the prefix.
    fn merge_prefix(&mut self) {
        let prefix_len = self.prefix_len();
        if prefix_len == 0 {
            return;
        }
        let (forks, used) = (self.forks, self.used);
        for layer in &mut self.layers {
            let (own, prefix) = (
                layer.own.take().expect("not being written"),
                layer.prefix.take().expect("a prefix"),
            );
            let mut prefix = prefix.into_iter();
            layer.own = Some(own.map(|own| {
                let [prefixes, heads, _, head_dim] = prefix.as_slice()[0].dims();
                let shared = prefix
                    .next()
                    .expect("keys and values")
                    .unsqueeze_dim::<5>(1)
                    .repeat_dim(1, forks);
                Tensor::cat(
                    vec![shared.reshape([prefixes * forks, heads, prefix_len, head_dim]), own],
                    2,
                )
            }));
            layer.used = prefix_len + used;
        }
        for (row, live) in self.live.iter_mut().enumerate() {
            live.splice(0..0, self.prefix_live[row / forks].iter().copied());
        }
        self.prefix_live.clear();
        self.forks = 1;
        self.used += prefix_len;
        self.capacity += prefix_len;
    }

    /// Makes room for `tokens` more places, of which each row uses those marked in `live`, and says what they will see.
    ///
    /// # Panics
    ///
    /// If `live` is not one list of `tokens` marks per row.
    pub(crate) fn begin(&mut self, tokens: usize, live: &[Vec<bool>]) -> Sight {
        assert!(
            live.len() == self.num_rows() && live.iter().all(|row| row.len() == tokens),
            "one mark per row and token"
        );
        if self.used + tokens > self.capacity {
            self.grow((self.used + tokens).max(self.capacity + self.capacity / 2));
        }
        for (row, live) in self.live.iter_mut().zip(live) {
            row.extend(live);
        }
        let device = self.layers[0].own.as_ref().expect("not being written")[0].device();
        let (used, prefix_len) = (self.used, self.prefix_len());
        self.used += tokens;
        Sight::new(tokens, prefix_len + used, self.num_rows(), &device, |row, key| {
            match key.checked_sub(prefix_len) {
                None => self.prefix_live[row / self.forks][key],
                Some(own) => self.live[row][own],
            }
        })
    }

    pub(crate) fn layer(&mut self, index: usize) -> &mut LayerCache {
        &mut self.layers[index]
    }

    fn grow(&mut self, capacity: usize) {
        for layer in &mut self.layers {
            layer.own = layer.own.take().map(|own| {
                own.map(|whole| {
                    let [rows, heads, old, head_dim] = whole.dims();
                    let more = Tensor::zeros(
                        [rows, heads, capacity - old, head_dim],
                        (&whole.device(), whole.dtype()),
                    );
                    Tensor::cat(vec![whole, more], 2)
                })
            });
        }
        self.capacity = capacity;
    }
}

impl LayerCache {
    /// Stores the present tokens' keys and values, `[rows, kv_heads, tokens, head_dim]`, and gives all there are.
    pub(crate) fn append(&mut self, key: Tensor<4>, value: Tensor<4>) -> Context {
        let [rows, heads, tokens, head_dim] = key.dims();
        let places = [0..rows, 0..heads, self.used..self.used + tokens, 0..head_dim];
        let [keys, values] = self.own.take().expect("not being written");
        // taken out, so that nobody else holds them and the write is in place
        let own = [keys.slice_assign(places.clone(), key), values.slice_assign(places, value)];
        self.used += tokens;
        let context = own.clone().map(|whole| whole.narrow(2, 0, self.used));
        self.own = Some(own);
        Context { prefix: self.prefix.clone(), own: context }
    }
}

impl Sight {
    pub(crate) fn seen(&self) -> Seen {
        self.hidden.clone().map_or(Seen::Past, |hidden| Seen::Unmarked(Box::new(hidden)))
    }

    /// `tokens` present tokens behind `past` earlier ones; `live(row, key)` says whether a row uses a place.
    pub(crate) fn new(
        tokens: usize,
        past: usize,
        rows: usize,
        device: &Device,
        live: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let keys = past + tokens;
        let all_live = (0..rows).all(|row| (0..keys).all(|key| live(row, key)));
        if all_live {
            return Self { hidden: None };
        }
        let mut hidden = Vec::with_capacity(rows * tokens * keys);
        for row in 0..rows {
            let unused: Vec<bool> = (0..keys).map(|key| !live(row, key)).collect();
            hidden.extend((0..tokens).flat_map(|token| {
                unused.iter().enumerate().map(move |(key, unused)| *unused || key > past + token)
            }));
        }
        let hidden = Tensor::from_data(
            TensorData::new(hidden, [rows, 1, tokens, keys]),
            &device.clone().without_autodiff(),
        );
        Self { hidden: Some(hidden) }
    }
}
