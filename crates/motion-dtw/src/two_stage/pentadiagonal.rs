//! Symmetric systems with two bands beside the diagonal: what a penalty on second differences leads to.

/// A positive definite matrix under construction.
pub(crate) struct Pentadiagonal {
    diagonal: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
}

/// Its factors `L D L^T`.
#[derive(Debug, Clone)]
pub(crate) struct Factors {
    diagonal: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Pentadiagonal {
    pub(crate) fn diagonal(diagonal: Vec<f64>) -> Self {
        let len = diagonal.len();
        Self { diagonal, first: vec![0.0; len], second: vec![0.0; len] }
    }

    /// Adds `weight * (x[i-1] - 2 x[i] + x[i+1])^2`.
    pub(crate) fn add_bend(&mut self, i: usize, weight: f64) {
        self.diagonal[i - 1] += weight;
        self.diagonal[i] += 4.0 * weight;
        self.diagonal[i + 1] += weight;
        self.first[i - 1] -= 2.0 * weight;
        self.first[i] -= 2.0 * weight;
        self.second[i - 1] += weight;
    }

    pub(crate) fn factorize(self) -> Factors {
        let Self { mut diagonal, mut first, mut second } = self;
        let len = diagonal.len();
        for i in 0..len {
            let (near, far) = (first[i] / diagonal[i], second[i] / diagonal[i]);
            if i + 1 < len {
                diagonal[i + 1] -= near * first[i];
                first[i + 1] -= near * second[i];
            }
            if i + 2 < len {
                diagonal[i + 2] -= far * second[i];
            }
            (first[i], second[i]) = (near, far);
        }
        Factors { diagonal, first, second }
    }
}

impl Factors {
    /// Solves `A x = b` in place of `b`.
    pub(crate) fn solve(&self, mut x: Vec<f64>) -> Vec<f64> {
        let len = x.len();
        for i in 0..len {
            if i + 1 < len {
                x[i + 1] -= self.first[i] * x[i];
            }
            if i + 2 < len {
                x[i + 2] -= self.second[i] * x[i];
            }
        }
        for i in (0..len).rev() {
            x[i] /= self.diagonal[i];
            if i + 1 < len {
                x[i] -= self.first[i] * x[i + 1];
            }
            if i + 2 < len {
                x[i] -= self.second[i] * x[i + 2];
            }
        }
        x
    }

    /// Entry `(i, i)` of the inverse.
    pub(crate) fn inverse_diagonal(&self, i: usize) -> f64 {
        let mut unit = vec![0.0; self.diagonal.len()];
        unit[i] = 1.0;
        self.solve(unit)[i]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_what_was_put_in() {
        let mut matrix = Pentadiagonal::diagonal(vec![1.0, 0.5, 2.0, 0.1, 3.0]);
        let mut dense = [[0.0; 5]; 5];
        for (i, value) in [1.0, 0.5, 2.0, 0.1, 3.0].into_iter().enumerate() {
            dense[i][i] = value;
        }
        for (i, weight) in [(1, 2.0), (2, 0.7), (3, 5.0)] {
            matrix.add_bend(i, weight);
            for (a, factor_a) in [(i - 1, 1.0), (i, -2.0), (i + 1, 1.0)] {
                for (b, factor_b) in [(i - 1, 1.0), (i, -2.0), (i + 1, 1.0)] {
                    dense[a][b] += weight * factor_a * factor_b;
                }
            }
        }
        let expected = [1.0, -2.0, 0.5, 4.0, -1.0];
        let b: Vec<f64> = dense
            .iter()
            .map(|row| row.iter().zip(expected).map(|(entry, x)| entry * x).sum())
            .collect();
        let factors = matrix.factorize();
        for (found, expected) in factors.solve(b).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}"); // rounding, condition about 1e3
        }
        let column = factors.solve(vec![0.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(factors.inverse_diagonal(2), column[2]);
    }
}
