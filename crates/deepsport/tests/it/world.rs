//! The toy world keeps what it promises: easy is easy, hard is hard, files hold what is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use deepsport::agent::{Agent, Dialogue, Part, Speaker as _, Stop, Wording};
use deepsport::data::Media;
use deepsport::world::{Clip, Expert, Item, Outcome, Sport, World, WorldConfig};
use deepsport::{Difficulty, Dimension, Error};
use frame_tool::{Episode, Policy, Video, VideoOptions};
use proptest::prelude::*;

fn world(config: WorldConfig) -> World {
    World::new(config).unwrap()
}

/// Frames that the frame tool shows first.
fn first_look(clip: &Clip) -> Vec<usize> {
    let video = clip.video().unwrap();
    let (_, shown) = Episode::start(&video, Policy::deepsport()).unwrap();
    shown.frames.iter().map(|frame| frame.index()).collect()
}

/// Outcomes under which the clip would have shown exactly these frames: a reader that knows everything about the clip but
/// its outcome. With even answers nobody can do better.
fn possible(clip: &Clip, frames: impl IntoIterator<Item = usize> + Clone) -> Vec<Outcome> {
    let fits = |outcome: &Outcome| {
        let twin = clip.twin(*outcome);
        frames.clone().into_iter().all(|i| twin.rgb(i) == clip.rgb(i))
    };
    clip.sport().all_outcomes().filter(fits).collect()
}

/// Reads the outcome from the pixels of one frame, knowing the rules of drawing but not the clip.
fn read(sport: Sport, size: u32, rgb: &[u8]) -> Option<usize> {
    let unit = f64::from(size) / 28.0;
    let pixels = rgb.chunks_exact(3).enumerate().map(|(i, pixel)| {
        let (x, y) = (i as u32 % size, i as u32 / size);
        let at = [(f64::from(x) + 0.5) / unit, (f64::from(y) + 0.5) / unit];
        (at, [i32::from(pixel[0]), i32::from(pixel[1]), i32::from(pixel[2])])
    });
    let pixels: Vec<_> = pixels.collect();
    // Middle of the pixels inside a box that are close to a colour: 45 levels leave room for noise and brightness.
    let middle = |[left, top, right, bottom]: [f64; 4], colour: [i32; 3]| {
        let close = |pixel: &[i32; 3]| pixel.iter().zip(colour).all(|(a, b)| (a - b).abs() < 45);
        let found: Vec<[f64; 2]> = pixels
            .iter()
            .filter(|([x, y], pixel)| {
                (left..right).contains(x) && (top..bottom).contains(y) && close(pixel)
            })
            .map(|(at, _)| *at)
            .collect();
        let num = found.len() as f64;
        let sum = found.iter().fold([0.0, 0.0], |sum, at| [sum[0] + at[0], sum[1] + at[1]]);
        (num * 2.0 > unit * unit).then(|| [sum[0] / num, sum[1] / num])
    };
    let (white, red, blue, yellow) =
        ([240, 240, 235], [215, 45, 40], [45, 80, 220], [245, 205, 30]);
    match sport {
        Sport::Soccer => {
            let [x, y] = middle([8.0, 0.0, 20.0, 25.0], white)?;
            (y > 15.5 && (x - 14.0).abs() > 2.0).then_some(usize::from(x > 14.0))
        }
        Sport::Tennis => {
            let [x, y] = middle([9.5, 0.0, 28.0, 25.0], yellow)?;
            Some(if x > 19.0 {
                1
            } else if y > 16.0 {
                2
            } else {
                0
            })
        }
        Sport::TableTennis => {
            let [_, y] = middle([16.5, 0.0, 23.0, 19.0], white)?; // below the table it rolls on after the point
            Some(usize::from(y > 11.0))
        }
        Sport::Fencing => {
            let left = middle([1.0, 1.0, 12.0, 10.0], red).is_some();
            let right = middle([16.0, 1.0, 27.0, 10.0], blue).is_some();
            [(true, false), (false, true), (true, true)]
                .iter()
                .position(|lit| *lit == (left, right))
        }
        Sport::Basketball => {
            let [x, y] = middle([16.0, 0.0, 26.0, 25.0], [120, 50, 15])?;
            (x > 17.5 && y < 16.0).then_some(usize::from(y < 8.0))
        }
        _ => unreachable!("a sport without a reader"),
    }
}

fn any_config() -> impl Strategy<Value = WorldConfig> {
    (any::<u64>(), 1_u32..3, 30_usize..90, 1_usize..4, 0_u8..20).prop_map(
        |(seed, scale, num_frames, event, noise)| WorldConfig {
            seed,
            frame_size: 28 * scale,
            num_frames: [num_frames, num_frames + 20],
            event_frames: [1, event],
            noise,
            ..WorldConfig::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn easy_items_are_decided_by_the_first_look_and_hard_ones_are_not(config in any_config()) {
        let world = world(config);
        for item in world.items(0..6) {
            let clip = &item.clip;
            let seen = first_look(clip);
            let fitting = possible(clip, seen.iter().copied());
            if item.difficulty == Difficulty::Easy {
                prop_assert_eq!(fitting, [clip.outcome()]);
            } else {
                // Every outcome gives the same frames, so the frames say nothing.
                prop_assert_eq!(fitting.len(), clip.sport().outcomes().len());
            }
        }
    }

    #[test]
    fn every_frame_of_the_event_decides_and_no_other_frame_says_anything(config in any_config()) {
        let world = world(config);
        for item in world.items(0..4) {
            let clip = &item.clip;
            for frame_idx in clip.event() {
                let rgb = clip.rgb(frame_idx);
                prop_assert_eq!(read(clip.sport(), clip.frame_size(), &rgb), Some(clip.outcome().index()));
                prop_assert_eq!(possible(clip, [frame_idx]), [clip.outcome()]);
            }
            let others = (0..clip.num_frames()).filter(|i| !clip.event().contains(i));
            prop_assert_eq!(possible(clip, others.clone()).len(), clip.sport().outcomes().len());
            // Nor does a frame outside look as if it showed an event.
            for frame_idx in others {
                prop_assert_eq!(read(clip.sport(), clip.frame_size(), &clip.rgb(frame_idx)), None);
            }
        }
    }

    #[test]
    fn what_is_asked_does_not_give_the_answer_away(config in any_config()) {
        let world = world(config);
        for item in world.items(0..20) {
            prop_assert!(item.question.options.contains(&item.question.answer));
            prop_assert!(item.question.options.len() >= 2);
            prop_assert_eq!(item.record(Media::None).check(), Ok(()));
        }
    }
}

/// 4,000 draws: the share of an answer lies within 4 standard errors, sqrt(p (1 - p) / n), of even.
#[test]
fn answers_are_even_in_every_kind_of_question() {
    for sport in Sport::ALL {
        for dimension in Dimension::ALL {
            let config = WorldConfig {
                sports: vec![sport],
                dimensions: vec![dimension],
                ..WorldConfig::default()
            };
            let mut counts: BTreeMap<(Difficulty, Vec<String>, String), u32> = BTreeMap::new();
            for item in world(config).items(0..4000) {
                let key = (item.difficulty, item.question.options, item.question.answer);
                *counts.entry(key).or_default() += 1;
            }
            for ((difficulty, options, answer), &count) in &counts {
                let of = |key: &&(Difficulty, Vec<String>, String)| {
                    key.0 == *difficulty && key.1 == *options
                };
                let num: u32 =
                    counts.iter().filter(|(key, _)| of(key)).map(|(_, count)| count).sum();
                let (p, n) = (1.0 / options.len() as f64, f64::from(num));
                let error = (p * (1.0 - p) / n).sqrt();
                let share = f64::from(count) / n;
                assert!(
                    (share - p).abs() < 4.0 * error,
                    "{sport:?} {dimension:?}: {answer} {share}"
                );
            }
        }
    }
}

#[test]
fn an_item_is_the_same_every_time_and_no_two_are() {
    let world = world(WorldConfig::default());
    assert_eq!(world.item(3), world.item(3));
    assert_eq!(world.item(3).clip.rgb(50), world.item(3).clip.rgb(50));
    let hash = |item: Item| item.clip.video().unwrap().frame(0).unwrap().sha256().to_owned();
    let mut hashes: Vec<String> = world.items(0..200).map(hash).collect();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 200);
    let other = World::new(WorldConfig { seed: 1, ..WorldConfig::default() }).unwrap();
    assert_ne!(other.item(3).clip.rgb(0), world.item(3).clip.rgb(0));
}

/// By hand: the rules that turn what happened into the answer.
#[test]
fn the_rules_are_those_of_the_sport() {
    let expected = [
        (Sport::Soccer, Dimension::Rules, vec![("red", "blue"), ("blue", "red")]),
        (Sport::Tennis, Dimension::Rules, vec![("in", "red"), ("long", "blue"), ("wide", "blue")]),
        (Sport::TableTennis, Dimension::Recognition, vec![("once", "1"), ("twice", "2")]),
        (Sport::TableTennis, Dimension::Rules, vec![("once", "nobody"), ("twice", "red")]),
        (Sport::Fencing, Dimension::Rules, vec![("red", "0"), ("blue", "1"), ("both", "1")]),
        (Sport::Basketball, Dimension::Recognition, vec![("basket", "yes"), ("miss", "no")]),
    ];
    for (sport, dimension, rules) in expected {
        let config = WorldConfig {
            sports: vec![sport],
            dimensions: vec![dimension],
            ..WorldConfig::default()
        };
        for item in world(config).items(0..40) {
            let happened = sport.outcomes()[item.clip.outcome().index()];
            let (_, answer) = rules.iter().find(|(outcome, _)| *outcome == happened).unwrap();
            assert_eq!(item.question.answer, *answer, "{sport:?} {happened}");
        }
    }
}

#[test]
fn a_basket_is_worth_two() {
    let config = WorldConfig {
        sports: vec![Sport::Basketball],
        dimensions: vec![Dimension::Rules],
        noise: 0,
        ..WorldConfig::default()
    };
    for item in world(config).items(0..40) {
        // The board: white squares of 3 x 4 units in the upper left of any frame.
        let (rgb, size) = (item.clip.rgb(0), 28);
        let white = |x: usize| rgb[(4 * size + x) * 3 + 2] > 200; // their middle row; no other blue is as high
        let score = [3, 7, 11].iter().filter(|&&x| white(x)).count();
        let points = if item.clip.outcome().index() == 0 { 2 } else { 0 };
        assert_eq!(item.question.answer, (score + points).to_string());
    }
}

#[test]
fn the_expert_answers_everything_by_looking_where_play_ended() {
    let shape = |num_frames: usize, event: [usize; 2]| WorldConfig {
        num_frames: [num_frames, num_frames],
        event_frames: event,
        ..WorldConfig::default()
    };
    let agent = Agent::training().with_wording(Wording::Toy);
    for (config, max_calls) in [
        (shape(40, [1, 4]), 1),
        (shape(100, [2, 6]), 1),
        (shape(300, [2, 4]), 2),
        (shape(1000, [2, 2]), 3),
    ] {
        let mut most = 0;
        for item in world(config).items(0..40) {
            let video = item.clip.video().unwrap();
            let trajectory =
                agent.run(&video, &item.question.text, &mut Expert::new(&item)).unwrap();
            assert_eq!(trajectory.stop, Stop::Answered);
            assert!(trajectory.is_well_formed(), "{trajectory:?}");
            assert_eq!(item.question.reward(trajectory.answer.as_deref().unwrap()), 1.0);
            assert_eq!(trajectory.num_calls() == 0, item.difficulty == Difficulty::Easy);
            if item.difficulty == Difficulty::Hard {
                assert_eq!(trajectory.metrics(item.clip.event()).recall, 1.0);
            }
            most = most.max(trajectory.num_calls());
        }
        assert_eq!(most, max_calls);
    }
}

fn all_frames(video: &Video) -> Vec<Vec<u8>> {
    let range: Range<usize> = 0..video.num_frames();
    video.frames_in(range).unwrap().map(|frame| frame.unwrap().rgb().to_vec()).collect()
}

#[test]
fn files_hold_what_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    for (index, scale) in [(0, 1), (1, 2), (2, 4)] {
        let config = WorldConfig {
            frame_size: 28 * scale,
            num_frames: [40, 60],
            event_frames: [1, 3],
            ..WorldConfig::default()
        };
        let clip = world(config).item(index).clip;
        let drawn: Vec<Vec<u8>> = (0..clip.num_frames()).map(|i| clip.rgb(i)).collect();

        let path = folder.path().join(format!("{index}.png"));
        clip.write_png(&path).unwrap();
        let video = Video::open_with(&path, &VideoOptions::new()).unwrap();
        assert!((video.fps() - 25.0).abs() < 1e-6);
        assert_eq!(all_frames(&video), drawn);

        let path = folder.path().join(format!("{index}.y4m"));
        clip.write_y4m(&path).unwrap();
        let read = all_frames(&Video::open_with(&path, &VideoOptions::new()).unwrap());
        assert_eq!(read.len(), drawn.len());
        let differs = read.concat().iter().zip(drawn.concat()).map(|(a, b)| a.abs_diff(b)).max();
        assert!(differs <= Some(MAX_YUV_ERROR), "{differs:?}");
    }
}

/// A step of 8-bit limited-range luma is 255 / 219 levels and one of a colour difference up to 2.02 levels (BT.601), and each
/// plane is rounded by half a step: 0.58 + 1.01 at most for blue, and rounding to a level once more.
/// Reading as swscale's fast path does takes another level: it is about one darker than exact arithmetic.
const MAX_YUV_ERROR: u8 = 3;

#[test]
fn settings_that_cannot_be_kept_are_named() {
    let good = WorldConfig::default;
    for (config, setting) in [
        (WorldConfig { sports: vec![], ..good() }, "sports"),
        (WorldConfig { dimensions: vec![], ..good() }, "dimensions"),
        (WorldConfig { frame_size: 30, ..good() }, "frame_size"),
        (WorldConfig { frame_size: 0, ..good() }, "frame_size"),
        (WorldConfig { num_frames: [8, 100], ..good() }, "num_frames"),
        (WorldConfig { num_frames: [100, 50], ..good() }, "num_frames"),
        (WorldConfig { lengths: vec![100, 300], ..good() }, "lengths"),
        (WorldConfig { event_frames: [0, 2], ..good() }, "event_frames"),
        (WorldConfig { event_frames: [2, 15], ..good() }, "event_frames"),
        (WorldConfig { hard_share: f64::NAN, ..good() }, "hard_share"),
        (WorldConfig { initial_frames: 2, ..good() }, "initial_frames"),
        (WorldConfig { fps: 0, ..good() }, "fps"),
        (WorldConfig { noise: 200, ..good() }, "noise"),
    ] {
        let error = World::new(config).unwrap_err();
        assert!(
            matches!(&error, Error::InvalidSetting { name, .. } if *name == setting),
            "{error}"
        );
    }
    // Longer events fit where none has to hide.
    World::new(WorldConfig { event_frames: [2, 30], hard_share: 0.0, ..good() }).unwrap();
}

#[test]
fn clips_have_the_lengths_that_are_named() {
    let lengths = vec![100, 300, 1000];
    let named =
        WorldConfig { num_frames: [100, 1000], lengths: lengths.clone(), ..WorldConfig::default() };
    let found: BTreeSet<usize> =
        world(named).items(0..60).map(|item| item.clip.num_frames()).collect();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), lengths);
}

#[test]
fn the_first_look_is_the_frame_tools() {
    let config = WorldConfig::default();
    for num_frames in (20..1200).step_by(7) {
        let frames = vec![vec![0; 3]; num_frames];
        let video = Video::from_frames(1, 1, frames, 25.0, &VideoOptions::new()).unwrap();
        let rule = Policy::deepsport().rule;
        let shown = rule.pick(video.timeline(), 0..num_frames, config.initial_frames).unwrap();
        assert_eq!(config.first_look(num_frames), shown);
    }
}

#[test]
fn a_few_words_are_all_that_is_ever_said() {
    let config = WorldConfig { num_frames: [100, 128], ..WorldConfig::default() };
    let vocabulary = config.vocabulary();
    let known: BTreeSet<&str> = vocabulary.iter().map(String::as_str).collect();
    assert_eq!(known.len(), vocabulary.len());
    assert_eq!(vocabulary.len(), 128 + NUM_WORDS);
    let agent = Agent::training().with_wording(Wording::Toy);
    let mut longest = 0;
    for item in world(config).items(0..100) {
        let video = item.clip.video().unwrap();
        let mut dialogue = Dialogue::start(&agent, &video, &item.question.text).unwrap();
        let mut expert = Expert::new(&item);
        while dialogue.stop().is_none() {
            let turn =
                expert.speak(dialogue.messages(), 64, &mut |_| ControlFlow::Continue(())).unwrap();
            dialogue.hear(&turn).unwrap();
        }
        let parts = dialogue.messages().iter().flat_map(|message| &message.parts);
        let mut num_tokens = 3 * dialogue.messages().len(); // <|im_start|> role ... <|im_end|>
        for part in parts {
            match part {
                Part::Text(text) => {
                    num_tokens += text.split_whitespace().count();
                    let strange = text.split_whitespace().find(|word| !known.contains(word));
                    assert_eq!(strange, None, "{text}");
                }
                Part::Frame(_) => num_tokens += 3, // <|vision_start|> <|image_pad|> <|vision_end|> at 28 x 28 pixels
            }
        }
        longest = longest.max(num_tokens);
    }
    assert!((100..=MAX_DIALOGUE).contains(&longest), "{longest}");
}

/// Words other than frame numbers, counted.
const NUM_WORDS: usize = 76;
/// What a small model has to read and write for an item with one call: 8 frames of 4 tokens and a question of up to 8, a call of
/// 14, 8 frames again, an answer of up to 15, and 3 around each of the four messages.
const MAX_DIALOGUE: usize = 32 + 8 + 14 + 32 + 15 + 4 * 3;

/// Read with Hugging Face's tokenizers 0.23.3 (Python), such a file gives one token for each word whatever stands around it, 14 for
/// the expert's call and the same text back; here its shape is checked.
#[test]
fn the_tokenizer_has_a_token_for_every_word_and_every_byte() {
    let config = WorldConfig { num_frames: [100, 128], ..WorldConfig::default() };
    let tokenizer: serde_json::Value = serde_json::from_str(&config.tokenizer_json()).unwrap();
    let vocab = tokenizer["model"]["vocab"].as_object().unwrap();
    let added = tokenizer["added_tokens"].as_array().unwrap();
    let mut ids: Vec<u64> = vocab
        .values()
        .chain(added.iter().map(|token| &token["id"]))
        .map(|id| id.as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, Vec::from_iter(0..ids.len() as u64)); // each once, none left out
    let is_added = |word: &str| {
        added.iter().any(|token| token["content"] == *word && token["special"] == false)
    };
    for word in config.vocabulary() {
        assert!(vocab.contains_key(&format!("Ġ{word}")) || is_added(&word), "{word}");
    }
    assert_eq!(ids.len(), 256 + config.vocabulary().len() + 8); // bytes, words, Qwen's control tokens
    assert_eq!(tokenizer["model"]["ignore_merges"], true); // whole words before bytes
}
