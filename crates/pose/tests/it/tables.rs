use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use pose::{Error, Format, Joint, Measure, Recording, Side, Unit, View, read, to_csv, write_csv};
use proptest::prelude::*;

use crate::support::{assert_measure, in_picture, in_space, standing};

const HEAD: &str = "# action: squat\n# fps: 50\n# units: metre; axes: right-handed, y up\n";

fn read_text(text: &str) -> pose::Result<Recording> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("motion.csv");
    std::fs::write(&path, text).unwrap();
    read(&path, None, None)
}

/// The whole message, causes included, as a program would print it.
fn message(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    if let Some(source) = error.source() {
        let _ = write!(text, ": {}", message(source));
    }
    text
}

#[track_caller]
fn assert_refused(text: &str, expected: &[&str]) {
    let error = message(&read_text(text).unwrap_err());
    for part in [&["motion.csv"], expected].concat() {
        assert!(error.contains(part), "{error:?} does not say {part:?}");
    }
}

#[test]
fn a_table_gives_positions_header_and_keyframes() {
    let text = format!(
        "# composed by hand\n{HEAD}# keyframes: bottom=1.5, top=2\nframe,hip_r_x,hip_r_y,hip_r_z,knee_r_x,knee_r_y,knee_r_z\n\
         0,0.1,0.9,0.2,0.1,0.5,0.2\n1,,,,0.1,NaN,0.2\n\n2,0.1,0.8,0.2,0.2,0.5,0.2\n"
    );
    let Recording { series, meta, keyframes } = read_text(&text).unwrap();
    assert_eq!((series.num_frames(), series.num_dims(), series.fps()), (3, 3, 50.0));
    assert_eq!(
        (series.unit(), series.joints()),
        (Unit::Metre, &[Joint::Hip(Side::Right), Joint::Knee(Side::Right)][..])
    );
    assert_eq!(series.position(0, Joint::Hip(Side::Right)), Some([0.1, 0.9, 0.2]));
    assert_eq!(series.position(1, Joint::Hip(Side::Right)), None);
    assert_eq!(series.position(1, Joint::Knee(Side::Right)), None);
    assert_eq!(meta["action"], "squat");
    assert_eq!(keyframes, [("bottom".to_owned(), 1.5), ("top".to_owned(), 2.0)]);
}

#[test]
fn windows_line_ends_pixels_and_y_down_are_understood() {
    let text = "# fps: 25\r\n# units: pixel; y down\r\n# view: front\r\nframe,nose_x,nose_y,nose_c\r\n0,10,20,1.1\r\n1,11,21,0.4\r\n";
    let series = read_text(text).unwrap().series;
    assert_eq!((series.unit(), series.num_dims(), series.view()), (Unit::Pixel, 2, View::Front));
    assert_eq!(series.position(1, Joint::Nose), Some([11.0, -21.0, 0.0]));
    assert_eq!(series.confidence().column(0).to_vec(), [1.0, 0.4]);
}

#[test]
fn a_leap_in_frame_numbers_is_a_gap() {
    let text = format!("{HEAD}# keyframes: dip=13\nframe,nose_x,nose_y\n10,1,2\n11,1,2\n14,3,4\n");
    let Recording { series, meta, keyframes } = read_text(&text).unwrap();
    assert_eq!(series.num_frames(), 5);
    assert!(series.position(2, Joint::Nose).is_none() && series.position(4, Joint::Nose).is_some());
    assert_eq!((meta["first_frame"].as_str(), &keyframes[0]), ("10", &("dip".to_owned(), 3.0)));
}

#[test]
fn the_caller_s_frame_rate_wins_over_the_file_s() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("motion.csv");
    std::fs::write(&path, "# fps: fifty\n# units: m\nframe,nose_x,nose_y\n0,1,2\n1,1,2\n").unwrap();
    assert_eq!(read(&path, Some(Format::Csv), Some(60.0)).unwrap().series.fps(), 60.0);
    assert!(matches!(read(&path, None, Some(0.0)), Err(Error::BadFps { fps: 0.0 })));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let row = "frame,nose_x,nose_y\n0,1,2\n";
    assert_refused("", &["no frames"]);
    assert_refused(" \n", &["no frames"]);
    assert_refused(HEAD, &["no frames"]);
    assert_refused(&format!("{HEAD}frame,nose_x,nose_y\n"), &["no frames"]);
    assert_refused(&format!("{HEAD}{row}"), &["1 frame(s)", "at least 2"]);
    assert_refused(&format!("{HEAD}{row}1,x,2\n"), &["line 6", "nose_x", "\"x\" is not a number"]);
    assert_refused(&format!("{HEAD}{row}1,inf,2\n"), &["line 6", "nose_x", "infinite"]);
    assert_refused(&format!("{HEAD}{row}1,1e999,2\n"), &["line 6", "nose_x", "infinite"]);
    assert_refused(&format!("{HEAD}{row}1,1\n"), &["line 6", "2 cells", "header has 3"]);
    assert_refused(&format!("{HEAD}{row}0,1,2\n"), &["line 6", "frame", "0 follows 0"]);
    assert_refused(&format!("{HEAD}{row}-1,1,2\n"), &["line 6", "frame", "not a frame number"]);
    assert_refused(&format!("{HEAD}{row}9000000,1,2\n"), &["leap from 0 to 9000000"]);
    assert_refused(
        &format!("{HEAD}time,nose_x,nose_y\n0,1,2\n1,1,2\n"),
        &["first column must be 'frame'", "time"],
    );
    assert_refused(&format!("{HEAD}frame,nose_x,nose\n0,1,2\n"), &["field nose", "<joint>_x"]);
    assert_refused(
        &format!("{HEAD}frame,tail_x,tail_y\n0,1,2\n"),
        &["field tail_x", "unknown joint"],
    );
    assert_refused(&format!("{HEAD}frame,nose_x\n0,1\n"), &["field nose_y", "missing"]);
    assert_refused(
        &format!("{HEAD}frame,nose_x,nose_y,head_x,head_y,head_z\n0,1,2,3,4,5\n"),
        &["field nose_z"],
    );
    assert_refused(
        &format!("{HEAD}frame,nose_x,nose_y,nose_x\n0,1,2,3\n"),
        &["field nose_x", "twice"],
    );
    assert_refused(&format!("{HEAD}frame\n0\n1\n"), &["no joint column"]);
    assert_refused(
        &format!("{HEAD}frame,nose_x,nose_y,nose_c\n0,1,2,-1\n1,1,2,1\n"),
        &["line 5", "nose_c", "negative"],
    );
    assert_refused(&format!("# units: m\n{row}"), &["--fps"]);
    for fps in ["0", "-1", "NaN", "inf", "1e300", "fast", ""] {
        assert_refused(&format!("# fps: {fps}\n# units: m\n{row}"), &["field fps", "--fps"]);
    }
    assert_refused(&format!("# fps: 50\n{row}"), &["field units", "# units: metre"]);
    assert_refused(&format!("# fps: 50\n# units: cubits\n{row}"), &["field units", "cubits"]);
    let last = u64::MAX;
    assert_refused(
        &format!("{HEAD}# keyframes: a=1\nframe,nose_x,nose_y\n{last},1,2\n"),
        &["field keyframes", "outside"],
    );
    for keyframes in ["bottom", "bottom=x", "bottom=7", "bottom=-1", "=0", "bottom=NaN"] {
        assert_refused(
            &format!("{HEAD}# keyframes: {keyframes}\n{row}1,1,2\n"),
            &["field keyframes", "name=frame"],
        );
    }
}

#[test]
fn missing_files_and_strange_endings_are_named() {
    let missing = message(&read(Path::new("no/such/motion.csv"), None, None).unwrap_err());
    assert!(
        missing.contains("no/such/motion.csv") && missing.contains("No such file"),
        "{missing}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("motion.xlsx");
    std::fs::write(&path, "x").unwrap();
    assert!(matches!(read(&path, None, None), Err(Error::UnknownFormat { .. })));
    std::fs::write(folder.path().join("bytes.csv"), [0xff, 0xfe, 0x00]).unwrap();
    assert!(matches!(read(&folder.path().join("bytes.csv"), None, None), Err(Error::Io { .. })));
    assert!("fbx".parse::<Format>().is_err() && "OpenPose".parse::<Format>().is_ok());
}

#[test]
fn writing_and_reading_gives_the_same_recording() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("motion.csv");
    let mut gappy = standing();
    gappy.remove(&Joint::Knee(Side::Left));
    let series = in_space(&[standing(), gappy], 59.94);
    let meta = BTreeMap::from([
        ("action".to_owned(), "squat: deep".to_owned()),
        ("subject".to_owned(), "ours".to_owned()),
    ]);
    let keyframes = vec![("bottom".to_owned(), 0.123_456_789)];
    write_csv(&path, &series, &meta, &keyframes).unwrap();
    let back = read(&path, None, None).unwrap();
    assert_eq!(back.series.positions().mapv(f64::to_bits), series.positions().mapv(f64::to_bits));
    assert_eq!((back.series.confidence(), back.series.fps()), (series.confidence(), 59.94));
    assert_eq!((back.series.joints(), &back.keyframes), (series.joints(), &keyframes));
    assert_eq!((&back.meta["action"], &back.meta["subject"]), (&meta["action"], &meta["subject"]));
    // Written again from what was read: the same bytes.
    assert_eq!(
        to_csv(&back.series, &back.meta, &back.keyframes).unwrap(),
        std::fs::read_to_string(&path).unwrap()
    );

    let picture = in_picture(&[standing(), standing()], [0, 1], 30.0);
    write_csv(&path, &picture, &meta, &[]).unwrap(); // replaces the first
    assert_measure(&read(&path, None, None).unwrap().series, Measure::Knee(Side::Left), 0, 180.0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file is left");
}

#[test]
fn a_recording_that_cannot_be_written_leaves_the_old_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("motion.csv");
    std::fs::write(&path, "old").unwrap();
    let series = in_space(&[standing(), standing()], 50.0);
    for (key, value) in
        [("two\nlines", "x"), ("key", "two\nlines"), ("a:b", "x"), ("", "x"), ("padded ", "x")]
    {
        let meta = BTreeMap::from([(key.to_owned(), value.to_owned())]);
        assert!(
            matches!(write_csv(&path, &series, &meta, &[]), Err(Error::Label { .. })),
            "{key:?}"
        );
    }
    let keyframes = [("a=b".to_owned(), 0.0)];
    assert!(matches!(
        write_csv(&path, &series, &BTreeMap::new(), &keyframes),
        Err(Error::Label { .. })
    ));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    let nowhere = folder.path().join("no/such/motion.csv");
    assert!(matches!(write_csv(&nowhere, &series, &BTreeMap::new(), &[]), Err(Error::Io { .. })));
}

proptest! {
    #[test]
    fn every_number_survives_the_table(
        values in proptest::collection::vec(prop_oneof![8 => -1e6..1e6_f64, 1 => Just(f64::NAN)], 12),
        confidence in proptest::collection::vec(0.0..=1.0_f64, 4),
    ) {
        let positions = ndarray::Array3::from_shape_vec((2, 2, 3), values).unwrap();
        let confidence = ndarray::Array2::from_shape_vec((2, 2), confidence).unwrap();
        let joints = vec![Joint::Nose, Joint::SmallToe(Side::Left)];
        let series = pose::SkeletonSeries::new(joints, positions, confidence, 29.97, Unit::Millimetre).unwrap();
        let back = read_text(&to_csv(&series, &BTreeMap::new(), &[]).unwrap()).unwrap().series;
        prop_assert_eq!(back.positions().mapv(f64::to_bits), series.positions().mapv(f64::to_bits));
        prop_assert_eq!(back.confidence(), series.confidence());
    }
}
