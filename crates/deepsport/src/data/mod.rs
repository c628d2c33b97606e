//! Data sets: one kind of record, whatever the source.

mod record; // a question about a video
mod lines; // records on disk
mod rows; // tables of any source, row by row
mod mapping; // sources that are questions already
mod templates; // how labels become questions
mod sources; // the ten of them
mod media; // the video of a record
mod questions; // records with their videos, or toys
mod split; // parts that share no video
mod table; // what is in a data set

pub use lines::{read_records, write_records};
pub use mapping::Mapping;
pub use media::open_media;
pub use questions::Questions;
pub use record::{Answer, Difficulty, Dimension, Media, Record, SPORTS};
pub use rows::{BadRow, Loaded};
pub use sources::Source;
pub use split::{Parts, check_leaks, split_by_video, without_videos_of};
pub use table::statistics_table;
