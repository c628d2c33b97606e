use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::document::hex;
use crate::{Embedder, Error, Result, analysis};

/// Extra directions while searching for the leading ones (Halko et al. 2011 suggest 5 to 10).
const OVERSAMPLING: usize = 10;
/// Power iterations; 2 or 3 are usual, more sharpen close singular values.
const POWER_ITERATIONS: usize = 4;
/// Jacobi sweeps stop when off-diagonal values are this small beside the diagonal.
const JACOBI_TOLERANCE: f64 = 1e-12;
/// Seed of the start directions; any would do.
const SEED: u64 = 0x5eed_0001;

/// Latent semantic indexing: vectors from the collection itself, without any download.
///
/// Texts become rows of tf-idf weights `(1 + ln tf) * ln(1 + N / df)` of length 1, the leading right singular vectors
/// of that matrix (Deerwester et al. 1990) the axes onto which any text is then projected. Singular vectors are found
/// by randomised subspace iteration (Halko, Martinsson & Tropp 2011), with a fixed seed: equal texts give equal
/// embedders on the same machine.
///
/// ```
/// use sports_rag::{Embedder, Lsi};
/// let lsi = Lsi::fit("en", &["squat knee", "knee bend squat", "throw ball", "ball release throw"], 2)?;
/// let vectors = lsi.embed(&["squat", "bend", "throw"])?;
/// let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
/// assert!(dot(&vectors[0], &vectors[1]) > dot(&vectors[0], &vectors[2]));
/// # Ok::<(), sports_rag::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lsi {
    lang: String,
    dim: usize,
    /// Term -> (row in `axes`, idf).
    vocabulary: BTreeMap<String, (usize, f32)>,
    /// One row of length `dim` per term, end to end.
    axes: Vec<f32>,
    singular_values: Vec<f32>,
    id: String,
}

impl Lsi {
    /// Learns `dim` axes from texts of one language. Costs about
    /// `iterations * dim * (words + dim * (texts + terms))` operations.
    ///
    /// There are never more axes than texts or terms; missing ones are zero.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if `dim` is 0 or above 4096; [`Error::Embedding`] if the texts hold no word.
    pub fn fit<T: AsRef<str>>(lang: &str, texts: &[T], dim: usize) -> Result<Self> {
        if !(1..=4096).contains(&dim) {
            let (name, value) = ("dim", dim.to_string());
            return Err(Error::InvalidSetting {
                name,
                value,
                reason: "must lie in 1..=4096".into(),
            });
        }
        let counts: Vec<BTreeMap<String, f32>> =
            texts.iter().map(|text| count(lang, text.as_ref())).collect();
        let mut doc_frequency: BTreeMap<&str, usize> = BTreeMap::new();
        for term in counts.iter().flat_map(BTreeMap::keys) {
            *doc_frequency.entry(term).or_insert(0) += 1;
        }
        if doc_frequency.is_empty() {
            return Err(Error::Embedding {
                embedder: "lsi".into(),
                reason: "the texts hold no word".into(),
            });
        }
        let num_texts = texts.len() as f32;
        let vocabulary: BTreeMap<String, (usize, f32)> = doc_frequency
            .into_iter()
            .enumerate()
            .map(|(row, (term, df))| (term.to_string(), (row, (1.0 + num_texts / df as f32).ln())))
            .collect();
        let rows: Vec<Vec<(usize, f32)>> =
            counts.iter().map(|count| weigh(&vocabulary, count)).collect();
        let (singular_values, right) = leading_singular(&rows, vocabulary.len(), dim);
        let mut axes = vec![0.0; vocabulary.len() * dim];
        for (axis, vector) in right.iter().enumerate() {
            for (term, value) in vector.iter().enumerate() {
                axes[term * dim + axis] = *value;
            }
        }
        let mut hash = Sha256::new();
        vocabulary.keys().for_each(|term| hash.update(format!("{term}\n")));
        axes.iter().for_each(|value| hash.update(value.to_le_bytes()));
        let id = format!("lsi-{lang}-{}", &hex(&hash.finalize())[..12]);
        Ok(Self { lang: lang.into(), dim, vocabulary, axes, singular_values, id })
    }

    /// Saves the embedder as JSON, for later sessions with the same store.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        std::fs::write(path, serde_json::to_vec(self)?).map_err(Error::io(path))
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Parse`] if the file is not such an embedder.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let fail = |reason: String| Error::Parse {
            path: path.into(),
            line: 1,
            field: "lsi".into(),
            reason,
        };
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let lsi: Self = serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))?;
        let rows_fit =
            lsi.vocabulary.values().all(|(row, _)| (row + 1) * lsi.dim <= lsi.axes.len());
        if rows_fit { Ok(lsi) } else { Err(fail("has fewer axes than terms; fit it again".into())) }
    }

    /// How much of the collection each axis carries, largest first.
    #[must_use]
    pub fn singular_values(&self) -> &[f32] {
        &self.singular_values
    }
}

impl Embedder for Lsi {
    fn id(&self) -> String {
        self.id.clone()
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let project = |text: &&str| {
            let mut vector = vec![0.0; self.dim];
            for (row, weight) in weigh(&self.vocabulary, &count(&self.lang, text)) {
                let axes = &self.axes[row * self.dim..(row + 1) * self.dim];
                vector.iter_mut().zip(axes).for_each(|(sum, axis)| *sum += weight * axis);
            }
            vector
        };
        Ok(texts.iter().map(project).collect())
    }
}

fn count(lang: &str, text: &str) -> BTreeMap<String, f32> {
    let mut counts = BTreeMap::new();
    for term in analysis::terms(lang, text) {
        *counts.entry(term.text).or_insert(0.0) += 1.0;
    }
    counts
}

/// Weights of the known terms, scaled to length 1, in term order.
fn weigh(
    vocabulary: &BTreeMap<String, (usize, f32)>,
    counts: &BTreeMap<String, f32>,
) -> Vec<(usize, f32)> {
    let known = counts.iter().filter_map(|(term, tf)| Some((vocabulary.get(term)?, tf)));
    let mut row: Vec<(usize, f32)> =
        known.map(|((row, idf), tf)| (*row, (1.0 + tf.ln()) * idf)).collect();
    let norm = row.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
    if norm > 0.0 {
        row.iter_mut().for_each(|(_, weight)| *weight /= norm);
    }
    row
}

/// The largest singular values of a sparse matrix and their right singular vectors.
///
/// # Shapes
///
/// - `rows`: `[texts]`, each a list of (column, value); result: at most `dim` values and vectors of length `columns`
fn leading_singular(
    rows: &[Vec<(usize, f32)>],
    columns: usize,
    dim: usize,
) -> (Vec<f32>, Vec<Vec<f32>>) {
    let width = (dim + OVERSAMPLING).min(rows.len()).min(columns);
    let times = |x: &Vec<f32>| -> Vec<f32> {
        rows.iter().map(|row| row.iter().map(|(column, value)| value * x[*column]).sum()).collect()
    };
    let transposed_times = |y: &Vec<f32>| -> Vec<f32> {
        let mut x = vec![0.0; columns];
        for (row, weight) in rows.iter().zip(y) {
            row.iter().for_each(|(column, value)| x[*column] += value * weight);
        }
        x
    };
    let mut noise = Noise(SEED);
    let mut basis: Vec<Vec<f32>> =
        (0..width).map(|_| (0..columns).map(|_| noise.next()).collect()).collect();
    for _ in 0..=POWER_ITERATIONS {
        let mut image: Vec<Vec<f32>> = basis.iter().map(times).collect();
        orthonormalise(&mut image);
        basis = image.iter().map(transposed_times).collect();
    }
    // `basis` holds B = Q^T A by rows; A's singular values are those of B, found from B B^T.
    let gram: Vec<Vec<f64>> =
        basis.iter().map(|a| basis.iter().map(|b| dot(a, b)).collect()).collect();
    let (values, vectors) = symmetric_eigen(gram);
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
    let largest = order.first().map_or(0.0, |first| values[*first]);
    // Directions that carry nothing but rounding are left out.
    let kept = order.into_iter().take(dim).filter(|idx| values[*idx] > largest * 1e-10);
    kept.map(|idx| {
        let sigma = values[idx].sqrt();
        let mut right = vec![0.0f64; columns];
        for (row, weight) in basis.iter().zip(&vectors[idx]) {
            right.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * f64::from(*value));
        }
        (sigma as f32, right.into_iter().map(|value| (value / sigma) as f32).collect())
    })
    .unzip()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

/// Modified Gram-Schmidt, twice for accuracy; vectors that depend on earlier ones become zero.
fn orthonormalise(vectors: &mut [Vec<f32>]) {
    for idx in 0..vectors.len() {
        let (before, rest) = vectors.split_at_mut(idx);
        let Some(vector) = rest.first_mut() else { continue };
        let start = dot(vector, vector).sqrt();
        for _ in 0..2 {
            for other in before.iter() {
                let share = dot(other, vector) as f32;
                vector.iter_mut().zip(other).for_each(|(value, other)| *value -= share * other);
            }
        }
        let norm = dot(vector, vector).sqrt();
        let scale = if norm > start * 1e-6 && norm > 0.0 { 1.0 / norm } else { 0.0 };
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
    }
}

/// Eigenvalues and eigenvectors (by rows) of a symmetric matrix, by cyclic Jacobi rotations.
fn symmetric_eigen(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = a.len();
    let mut v: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..60 {
        let diagonal: f64 = (0..n).map(|i| a[i][i] * a[i][i]).sum();
        let off: f64 =
            (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j] * a[i][j]).sum();
        if off <= diagonal * JACOBI_TOLERANCE * JACOBI_TOLERANCE {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q].abs() <= f64::MIN_POSITIVE {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let t = if theta == 0.0 { 1.0 } else { t };
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                for row in &mut a {
                    let (x, y) = (row[p], row[q]);
                    (row[p], row[q]) = (c * x - s * y, s * x + c * y);
                }
                rotate_rows(&mut a, p, q, c, s);
                rotate_rows(&mut v, p, q, c, s);
            }
        }
    }
    ((0..n).map(|i| a[i][i]).collect(), v)
}

fn rotate_rows(matrix: &mut [Vec<f64>], p: usize, q: usize, c: f64, s: f64) {
    let (above, below) = matrix.split_at_mut(q);
    for (x, y) in above[p].iter_mut().zip(&mut below[0]) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
}

/// Uniform numbers in -1..1 (SplitMix64; Steele et al. 2014).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 4 x 3 matrix whose singular values numpy gives as below
    /// (`tests/fixtures/lsi_golden.py`, numpy 2.4.6).
    const GOLDEN: [f64; 3] = [3.468_753_863_644_94, 2.149_327_248_261_57, 1.896_876_119_657_96];

    #[test]
    fn singular_values_match_numpy() {
        let rows = [
            vec![(0, 1.0), (1, 2.0)],
            vec![(1, 1.0), (2, 0.5)],
            vec![(0, 3.0), (2, 1.0)],
            vec![(2, 2.0)],
        ];
        let (values, vectors) = leading_singular(&rows, 3, 3);
        for (found, expected) in values.iter().zip(GOLDEN) {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-5,
                "f32 rounding: {found} {expected}"
            );
        }
        for (i, a) in vectors.iter().enumerate() {
            for (j, b) in vectors.iter().enumerate() {
                let expected = f64::from(u8::from(i == j));
                assert!((dot(a, b) - expected).abs() < 1e-5, "f32 rounding");
            }
        }
    }

    #[test]
    fn with_all_axes_the_projection_keeps_every_cosine() {
        let texts =
            ["squat knee hip", "knee bend", "ball throw arm", "throw", "hip hinge squat squat"];
        let lsi = Lsi::fit("en", &texts, 64).unwrap();
        let projected = lsi.embed(&texts).unwrap();
        let rows: Vec<_> =
            texts.iter().map(|text| weigh(&lsi.vocabulary, &count("en", text))).collect();
        for i in 0..texts.len() {
            for j in 0..texts.len() {
                let sparse: f64 = rows[i]
                    .iter()
                    .flat_map(|(a, x)| {
                        rows[j].iter().filter(move |(b, _)| a == b).map(move |(_, y)| x * y)
                    })
                    .map(f64::from)
                    .sum();
                assert!((dot(&projected[i], &projected[j]) - sparse).abs() < 1e-5, "f32 rounding");
            }
        }
    }
}
