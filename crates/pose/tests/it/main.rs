//! What users of `pose` rely on: files in and out, signal care, measures, what-if edits.

mod support;

mod measures; // worked by hand, and laws
mod angles; // of the laboratory
mod views; // what a picture shows and hides
mod care;
mod filters; // against SciPy
mod smoothers;
mod swaps;
mod flexion;
mod tables; // the house's CSV
mod formats; // everybody else's
mod person; // boxes, and following one athlete
#[cfg(feature = "vitpose")]
mod vitpose; // the network, against transformers
mod roundtrips; // written and read again
#[cfg(feature = "draw")]
mod draw;
mod fuzz;
mod recordings; // real data, where it is present
