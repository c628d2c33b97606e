//! Three-vectors as plain arrays; a picture has z = 0.

pub(crate) type Vec3 = [f64; 3];

pub(crate) const UP: Vec3 = [0.0, 1.0, 0.0];
/// Stands for a direction that cannot be told; whatever is computed from it is NaN.
pub(crate) const UNKNOWN: Vec3 = [f64::NAN; 3];

pub(crate) fn add(a: Vec3, b: Vec3) -> Vec3 {
    std::array::from_fn(|i| a[i] + b[i])
}

pub(crate) fn sub(a: Vec3, b: Vec3) -> Vec3 {
    std::array::from_fn(|i| a[i] - b[i])
}

pub(crate) fn scale(a: Vec3, k: f64) -> Vec3 {
    a.map(|x| k * x)
}

pub(crate) fn middle(a: Vec3, b: Vec3) -> Vec3 {
    scale(add(a, b), 0.5)
}

pub(crate) fn dot(a: Vec3, b: Vec3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(crate) fn norm(a: Vec3) -> f64 {
    dot(a, a).sqrt()
}

/// Angle between two vectors, 0..=180 degrees, by `atan2(|a x b|, a . b)`: as exact near 0 and 180 as elsewhere,
/// which the arc cosine is not.
pub(crate) fn angle_deg(a: Vec3, b: Vec3) -> f64 {
    norm(cross(a, b)).atan2(dot(a, b)).to_degrees()
}

/// `v` turned about the unit vector `axis` by the right-hand rule (Rodrigues' formula).
pub(crate) fn rotate(v: Vec3, axis: Vec3, angle_rad: f64) -> Vec3 {
    let (sin, cos) = angle_rad.sin_cos();
    let along = scale(axis, dot(axis, v) * (1.0 - cos));
    add(add(scale(v, cos), scale(cross(axis, v), sin)), along)
}

/// Rows of a 3 x 3 matrix.
pub(crate) type Matrix3 = [[f64; 3]; 3];

pub(crate) fn matrix_times_vector(m: &Matrix3, v: Vec3) -> Vec3 {
    m.map(|row| dot(row, v))
}

pub(crate) fn matrix_times(a: &Matrix3, b: &Matrix3) -> Matrix3 {
    let columns = transposed(b);
    a.map(|row| columns.map(|column| dot(row, column)))
}

pub(crate) fn transposed(m: &Matrix3) -> Matrix3 {
    std::array::from_fn(|i| std::array::from_fn(|j| m[j][i]))
}

/// Turn about one of the axes, 0 to 2, by the right-hand rule.
pub(crate) fn rotation(axis: usize, angle_rad: f64) -> Matrix3 {
    let mut unit = [0.0; 3];
    unit[axis] = 1.0;
    turned_axes(unit, angle_rad)
}

/// The shortest turn that takes the direction of `from` to that of `to`; none where either has no length.
pub(crate) fn between(from: Vec3, to: Vec3) -> Matrix3 {
    let lengths = norm(from) * norm(to);
    let axis = cross(from, to);
    let (sine, cosine) = (norm(axis), dot(from, to));
    if lengths.is_nan() || lengths <= 0.0 {
        return turned_axes([0.0; 3], 0.0);
    }
    if sine > 1e-12 * lengths {
        return turned_axes(scale(axis, 1.0 / sine), sine.atan2(cosine));
    }
    // Along or against each other: any axis across will do for half a turn.
    let across = cross(from, if from[0].abs() < 0.5 * norm(from) { [1.0, 0.0, 0.0] } else { UP });
    let half_turn = if cosine < 0.0 { std::f64::consts::PI } else { 0.0 };
    turned_axes(scale(across, 1.0 / norm(across)), half_turn)
}

/// The matrix of a turn about a unit vector: its columns are the turned axes.
fn turned_axes(axis: Vec3, angle_rad: f64) -> Matrix3 {
    let columns = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    transposed(&columns.map(|column| rotate(column, axis, angle_rad)))
}

/// Middle value of the finite ones; `None` if there is none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some(0.5 * (values[last / 2] + values[last.div_ceil(2)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_turn_about_the_vertical_takes_z_to_x() {
        let turned = rotate([0.0, 5.0, 2.0], UP, std::f64::consts::FRAC_PI_2);
        for (got, expected) in turned.iter().zip([2.0, 5.0, 0.0]) {
            assert!((got - expected).abs() < 1e-12);
        }
        assert_eq!(angle_deg([1.0, 0.0, 0.0], [0.0, 3.0, 0.0]), 90.0);
        assert_eq!(angle_deg([1.0, 0.0, 0.0], [-2.0, 0.0, 0.0]), 180.0);
    }

    #[test]
    fn the_shortest_turn_takes_one_direction_to_the_other() {
        for (from, to) in [
            ([1.0, 0.0, 0.0], [0.0, 2.0, 0.0]),
            ([0.0, -3.0, 0.0], [0.0, 1.0, 0.0]),
            ([0.3, 0.2, -0.9], [0.3, 0.2, -0.9]),
            ([0.3, 0.2, -0.9], [-0.3, -0.2, 0.9]),
        ] {
            let turned = matrix_times_vector(&between(from, to), from);
            let expected = scale(to, norm(from) / norm(to));
            assert!(norm(sub(turned, expected)) < 1e-12, "{from:?} to {to:?}: {turned:?}");
        }
        let x_about_z = matrix_times_vector(&rotation(2, 0.5), [1.0, 0.0, 0.0]);
        assert!(norm(sub(x_about_z, [0.5_f64.cos(), 0.5_f64.sin(), 0.0])) < 1e-12);
    }

    #[test]
    fn the_median_skips_what_is_not_a_number() {
        assert_eq!(median([3.0, f64::NAN, 1.0]), Some(2.0));
        assert_eq!(median([3.0, 9.0, 1.0]), Some(3.0));
        assert_eq!(median([f64::NAN]), None);
    }
}
