//! The bones of a BVH file, and where its joints are in a frame.

use crate::vector::{Matrix3, Vec3, add, matrix_times, matrix_times_vector, rotation};

/// More joints than this are no body (ours; hands and a face make about 150).
const MAX_NODES: usize = 2_000;

/// One joint or end of a bone.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Its name; an end site is called after its parent, with `_end`.
    pub(super) name: String,
    /// Place of the parent in the list, always before this one.
    pub(super) parent: Option<usize>,
    pub(super) is_end: bool,
    offset: Vec3,
    channels: Vec<Channel>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Channel {
    Position(usize),
    Rotation(usize),
}

#[derive(Debug)]
pub(super) struct Hierarchy {
    pub(super) nodes: Vec<Node>,
    pub(super) num_channels: usize,
}

impl Hierarchy {
    /// Parses the words between `HIERARCHY` and `MOTION`; or what is wrong, at which word.
    pub(super) fn parse<'a>(
        words: &mut impl Iterator<Item = (u64, &'a str)>,
    ) -> std::result::Result<Hierarchy, (u64, String)> {
        let mut hierarchy = Hierarchy { nodes: Vec::new(), num_channels: 0 };
        let mut open: Vec<usize> = Vec::new();
        let mut last_line = 1;
        loop {
            let Some((line, word)) = words.next() else {
                return Err((last_line, "the file ends before MOTION".into()));
            };
            last_line = line;
            let wrong = |problem: String| Err((line, problem));
            match word.to_ascii_uppercase().as_str() {
                "MOTION" if open.is_empty() && !hierarchy.nodes.is_empty() => return Ok(hierarchy),
                "MOTION" => return wrong("MOTION before every '{' is closed".into()),
                "ROOT" | "JOINT" | "END" => {
                    let name = words.next().map_or("", |(_, name)| name);
                    let parent = open.last().copied();
                    if word.eq_ignore_ascii_case("ROOT") != parent.is_none() {
                        return wrong(format!(
                            "{word} {name}: a ROOT stands alone, the rest within it"
                        ));
                    }
                    if !hierarchy.nodes.is_empty() && parent.is_none() {
                        return wrong(format!("a second root, {name}; keep one figure a file"));
                    }
                    let is_end = word.eq_ignore_ascii_case("END");
                    let name = match parent.filter(|_| is_end) {
                        Some(parent) => format!("{}_end", hierarchy.nodes[parent].name),
                        None => name.to_owned(),
                    };
                    if words.next().map(|(_, word)| word) != Some("{") {
                        return wrong(format!("expected '{{' after {name}"));
                    }
                    if hierarchy.nodes.len() == MAX_NODES {
                        return wrong(format!("more than {MAX_NODES} joints"));
                    }
                    open.push(hierarchy.nodes.len());
                    let (offset, channels) = ([0.0; 3], Vec::new());
                    hierarchy.nodes.push(Node { name, parent, is_end, offset, channels });
                }
                "}" if open.pop().is_some() => {}
                "OFFSET" => {
                    let Some(&node) = open.last() else { return wrong("OFFSET outside".into()) };
                    for value in &mut hierarchy.nodes[node].offset {
                        let word = words.next().map_or("", |(_, word)| word);
                        *value = number(word).map_err(|problem| (line, problem))?;
                    }
                }
                "CHANNELS" => {
                    let Some(&node) = open.last() else { return wrong("CHANNELS outside".into()) };
                    let count = words.next().and_then(|(_, n)| n.parse::<usize>().ok());
                    let Some(count) = count.filter(|count| *count <= 6) else {
                        return wrong("CHANNELS needs a number of at most 6".into());
                    };
                    for _ in 0..count {
                        let word = words.next().map_or("", |(_, word)| word);
                        let Some(channel) = channel(word) else {
                            return wrong(format!("{word:?} is no channel such as Xrotation"));
                        };
                        hierarchy.nodes[node].channels.push(channel);
                    }
                    hierarchy.num_channels += count;
                }
                other => return wrong(format!("{other:?} is not expected here")),
            }
        }
    }

    /// World position of every node, from one row of the motion.
    ///
    /// Rotations act in the order of the channels, the first one outermost. Position channels stand in place of the
    /// offset, as most programs read them; where both say the same there is no difference.
    pub(super) fn positions(&self, row: &[f64]) -> Vec<Vec3> {
        const STILL: Matrix3 = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let mut values = row.iter();
        let mut world: Vec<(Matrix3, Vec3)> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let (mut turn, mut place) = (STILL, node.offset);
            for (channel, value) in node.channels.iter().zip(&mut values) {
                match channel {
                    Channel::Position(axis) => place[*axis] = *value,
                    Channel::Rotation(axis) => {
                        turn = matrix_times(&turn, &rotation(*axis, value.to_radians()));
                    }
                }
            }
            let (parent_turn, parent_place) = node.parent.map_or((STILL, [0.0; 3]), |p| world[p]);
            let place = add(parent_place, matrix_times_vector(&parent_turn, place));
            world.push((matrix_times(&parent_turn, &turn), place));
        }
        world.into_iter().map(|(_, place)| place).collect()
    }
}

fn channel(word: &str) -> Option<Channel> {
    let (axis, kind) = word.split_at_checked(1)?;
    let axis = "XYZ".find(&axis.to_ascii_uppercase())?;
    match kind.to_ascii_lowercase().as_str() {
        "position" => Some(Channel::Position(axis)),
        "rotation" => Some(Channel::Rotation(axis)),
        _ => None,
    }
}

/// A finite number of bearable size.
pub(super) fn number(word: &str) -> std::result::Result<f64, String> {
    let value = word.parse::<f64>().ok().filter(|value| value.abs() < 1e12);
    value.ok_or_else(|| format!("{word:?} is not a number"))
}
