use grpo::{Error, MediaItem, MediaRule, Role, Segment, Trajectory, Turn};
use proptest::prelude::*;

const PAD: u32 = 99;

fn rule() -> MediaRule {
    MediaRule { placeholder_ids: vec![PAD], merge_size: 2 }
}

/// Text, then a picture of 1 x 4 x 4 patches, so 4 tokens; positions as Qwen2.5-VL has them.
fn picture() -> Segment<String> {
    Segment {
        ids: vec![5, PAD, PAD, PAD, PAD, 6],
        media: vec![MediaItem { tokens: 1..5, grid_thw: [1, 4, 4], payload: "frame 12".into() }],
        positions: Some(vec![[0; 3], [1, 1, 1], [1, 1, 2], [1, 2, 1], [1, 2, 2], [3; 3]]),
    }
}

fn turn(ids: &[u32]) -> Turn {
    Turn { ids: ids.to_vec(), logps: vec![-0.5; ids.len()], truncated: false }
}

fn dialogue() -> Trajectory<String> {
    let mut trajectory = Trajectory::new(picture(), rule(), 20).unwrap();
    trajectory.append_turn(&turn(&[1, 2])).unwrap();
    trajectory.append_observation(picture()).unwrap();
    trajectory.append_turn(&turn(&[3])).unwrap();
    trajectory
}

#[test]
fn parts_masks_positions_and_media_run_beside_the_ids() {
    let trajectory = dialogue();
    assert_eq!(trajectory.ids(), [5, PAD, PAD, PAD, PAD, 6, 1, 2, 5, PAD, PAD, PAD, PAD, 6, 3]);
    assert_eq!(trajectory.completion(), 6..15);
    assert_eq!(trajectory.policy_ids(), [1, 2, 3]);
    let mask: Vec<_> = trajectory.policy_mask().iter().map(|own| u8::from(*own)).collect();
    assert_eq!(mask, [0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(trajectory.parts()[2], (Role::Environment, 8..14));
    assert_eq!(trajectory.media()[1].tokens, 9..13);
    // The prompt ends at position 3; text goes on by one on all axes, the second picture starts where text would.
    let positions = trajectory.positions().unwrap();
    assert_eq!(positions[6..9], [[4; 3], [5; 3], [6; 3]]);
    assert_eq!(positions[12..15], [[7, 8, 8], [9; 3], [10; 3]]);
}

#[test]
fn what_is_refused_leaves_the_trajectory_as_it_was() {
    let changed = |change: fn(&mut Segment<String>)| {
        let mut segment = picture();
        change(&mut segment);
        segment
    };
    let refused = [
        changed(|segment| segment.ids.clear()),
        changed(|segment| segment.media.clear()), // placeholders without media
        changed(|segment| segment.media[0].grid_thw = [1, 4, 6]), // another number of tokens
        changed(|segment| segment.media[0].grid_thw = [1, 4, 3]), // does not divide
        changed(|segment| segment.media[0].tokens = 1..7), // outside
        changed(|segment| segment.media[0].tokens = 0..4), // covers text
        changed(|segment| segment.ids[5] = PAD),  // one placeholder too many
        changed(|segment| segment.media.push(segment.media[0].clone())), // twice the same
        changed(|segment| segment.positions = None),
        changed(|segment| segment.positions.as_mut().unwrap().truncate(3)),
        changed(|segment| segment.ids.extend([7; 30])), // does not fit
    ];
    for segment in refused {
        let mut trajectory = dialogue();
        assert!(trajectory.append_observation(segment.clone()).is_err(), "{segment:?}");
        assert_eq!(trajectory, dialogue());
    }
    let nan = Turn { logps: vec![f32::NAN], ..turn(&[1]) };
    let certain = Turn { logps: vec![0.1], ..turn(&[1]) };
    let short = Turn { logps: vec![], ..turn(&[1]) };
    for refused in [turn(&[]), turn(&[PAD]), turn(&[1; 6]), nan, certain, short] {
        let mut trajectory = dialogue();
        assert!(trajectory.append_turn(&refused).is_err(), "{refused:?}");
        assert_eq!(trajectory, dialogue());
    }
}

#[test]
fn messages_name_the_place() {
    let error = dialogue().append_turn(&turn(&[1, PAD])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "token 99 at place 1 of the segment: only media may write it, not the policy"
    );
    assert!(matches!(Trajectory::<()>::from_text([]), Err(Error::NoTokens("the prompt"))));
}

#[test]
fn reading_checks_what_building_checks() {
    let text = serde_json::to_string(&dialogue()).unwrap();
    assert_eq!(serde_json::from_str::<Trajectory<String>>(&text).unwrap(), dialogue());
    let tampered = text.replace("\"grid_thw\":[1,4,4]", "\"grid_thw\":[1,4,8]");
    assert_ne!(text, tampered);
    let error = serde_json::from_str::<Trajectory<String>>(&tampered).unwrap_err().to_string();
    assert!(error.contains("its grid [1, 4, 8] makes Some(8)"), "{error}");
}

proptest! {
    /// Whatever is appended, in whatever order, lists stay beside the ids and files give back what was written.
    #[test]
    fn any_sequence_of_parts_keeps_the_invariants(parts in prop::collection::vec((any::<bool>(), 1usize..6), 0..12)) {
        let mut trajectory = Trajectory::new(picture(), rule(), 60).unwrap();
        for (own, len) in parts {
            let before = trajectory.clone();
            let done = if own { trajectory.append_turn(&turn(&vec![4; len])) } else { trajectory.append_observation(picture()) };
            prop_assert_eq!(done.is_ok(), before.room() >= if own { len } else { 6 });
            if done.is_err() {
                prop_assert_eq!(&trajectory, &before);
            }
        }
        let len = trajectory.ids().len();
        prop_assert_eq!([trajectory.policy_mask().len(), trajectory.logps().len(), trajectory.positions().unwrap().len()], [len; 3]);
        prop_assert_eq!(trajectory.ids().iter().filter(|id| **id == PAD).count(), 4 * trajectory.media().len());
        for item in trajectory.media() {
            prop_assert!(trajectory.ids()[item.tokens.clone()].iter().all(|id| *id == PAD));
        }
        let read: Trajectory<String> = serde_json::from_str(&serde_json::to_string(&trajectory).unwrap()).unwrap();
        prop_assert_eq!(read, trajectory);
    }
}
