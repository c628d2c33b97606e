//! Placeholders of pictures and clips.

use crate::processor::Pixels;
use crate::tokenizer::SpecialIds;
use crate::{Error, Result};

/// Repeats each placeholder (`<|image_pad|>`, `<|video_pad|>`; one stands for each medium after encoding) for as many tokens
/// as the language model sees of its medium. `media` stand in the order of the prompt.
///
/// # Errors
///
/// - [`Error::PlaceholderCount`] if the prompt has more or fewer than there are media of that kind
/// - [`Error::Pixels`] if a picture stands where the prompt has a clip, or the other way round
pub fn expand_placeholders(
    ids: &[u32],
    media: &[Pixels],
    special: &SpecialIds,
    merge_size: usize,
) -> Result<Vec<u32>> {
    let is_clip = |pixels: &Pixels| pixels.seconds_per_grid.is_some();
    for (token, pad, clips) in
        [("<|image_pad|>", special.image_pad, false), ("<|video_pad|>", special.video_pad, true)]
    {
        let placeholders = ids.iter().filter(|&&id| id == pad).count();
        let media = media.iter().filter(|pixels| is_clip(pixels) == clips).count();
        if placeholders != media {
            return Err(Error::PlaceholderCount { token, placeholders, media });
        }
    }
    let mut expanded = Vec::with_capacity(ids.len());
    let mut media = media.iter().enumerate();
    for &id in ids {
        if id != special.image_pad && id != special.video_pad {
            expanded.push(id);
            continue;
        }
        let Some((index, pixels)) = media.next() else { continue }; // as many as were counted
        if is_clip(pixels) != (id == special.video_pad) {
            let (found, stands) =
                if is_clip(pixels) { ("clip", "picture") } else { ("picture", "clip") };
            let problem = format!("is a {found}, but the prompt has a {stands} there");
            return Err(Error::Pixels { index, problem });
        }
        expanded.extend(std::iter::repeat_n(id, pixels.num_tokens(merge_size)));
    }
    Ok(expanded)
}
