//! How a moment looks. Shapes are given on a grid of 28 x 28 units, whatever the size in pixels.

use super::sport::{Outcome, Sport};

/// What a frame shows. Only the event knows the outcome: frames before and after it cannot give it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Before,
    Event(Outcome),
    After,
}

/// What differs from clip to clip and says nothing about the outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    /// Everything but the strip is shifted by this, in units.
    pub(super) shift: [f32; 2],
    /// Added to all colours, in levels.
    pub(super) brightness: i16,
    /// How fast and from where the ball moves, in radians a frame and radians.
    pub(super) swing: [f32; 2],
    /// Points on the board before the shot.
    pub(super) score: u8,
}

/// The largest shift, in units: nothing decisive leaves its place by it.
pub(super) const MAX_SHIFT: f32 = 1.0;

type Colour = [u8; 3];

const WHITE: Colour = [240, 240, 235];
const RED: Colour = [215, 45, 40];
const BLUE: Colour = [45, 80, 220];
const YELLOW: Colour = [245, 205, 30];
const DARK: Colour = [35, 35, 40];
const GREY: Colour = [120, 120, 125];

/// Units across.
pub(super) const UNITS: u32 = 28;

/// Draws one frame.
///
/// # Shapes
///
/// - output: `[size, size, 3]`, RGB8
pub(super) fn draw(
    size: u32,
    sport: Sport,
    moment: Moment,
    look: &Look,
    frame_idx: usize,
) -> Vec<u8> {
    let mut canvas = Canvas::new(size, pitch(sport), look);
    // Where in its play the ball is, -1 to 1 in both directions; after the event it rests.
    let at = look.swing[0] * frame_idx as f32 + look.swing[1];
    let (sway, hop) = (at.sin(), (1.7 * at).cos());
    match sport {
        Sport::Soccer => soccer(&mut canvas, moment, sway, hop),
        Sport::Tennis => tennis(&mut canvas, moment, sway, hop),
        Sport::TableTennis => table_tennis(&mut canvas, moment, sway, hop),
        Sport::Fencing => fencing(&mut canvas, moment, sway),
        Sport::Basketball => basketball(&mut canvas, moment, sway, hop, look.score),
    }
    canvas.strip(if moment == Moment::After { YELLOW } else { DARK });
    canvas.rgb
}

fn pitch(sport: Sport) -> Colour {
    match sport {
        Sport::Soccer => [50, 140, 60],
        Sport::Tennis => [20, 80, 50],
        Sport::TableTennis => [75, 60, 90],
        Sport::Fencing => [85, 95, 105],
        Sport::Basketball => [190, 130, 75],
    }
}

fn soccer(canvas: &mut Canvas, moment: Moment, sway: f32, hop: f32) {
    canvas.rect([2.0, 8.0, 7.0, 22.0], RED);
    canvas.rect([21.0, 8.0, 26.0, 22.0], BLUE);
    let ball = match moment {
        Moment::Before => [14.0 + 1.5 * sway, 9.0 + 4.0 * hop],
        Moment::Event(touch) => [[9.5, 19.0], [18.5, 19.0]][touch.index()],
        Moment::After => [14.0, 22.0],
    };
    canvas.disc(ball, 2.5, WHITE);
}

fn tennis(canvas: &mut Canvas, moment: Moment, sway: f32, hop: f32) {
    canvas.rect([0.0, 3.0, 18.0, 17.0], WHITE); // lines
    canvas.rect([0.0, 4.0, 17.0, 16.0], [60, 110, 175]);
    let ball = match moment {
        Moment::Before => [3.5 + 1.5 * sway, 9.0 + 4.0 * hop],
        Moment::Event(landing) => [[12.5, 10.0], [22.5, 10.0], [12.5, 20.5]][landing.index()],
        Moment::After => [3.5, 20.5],
    };
    canvas.disc(ball, 2.5, YELLOW);
}

fn table_tennis(canvas: &mut Canvas, moment: Moment, sway: f32, hop: f32) {
    canvas.rect([1.0, 18.0, 27.0, 21.0], [30, 110, 90]);
    canvas.rect([13.5, 14.0, 14.5, 18.0], WHITE); // net
    let ball = match moment {
        Moment::Before => [6.0 + 3.0 * sway, 9.0 + 5.0 * hop],
        Moment::Event(bounces) => [[20.0, 6.0], [20.0, 15.5]][bounces.index()],
        Moment::After => [14.0, 23.0],
    };
    if moment == Moment::Event(Outcome(0)) {
        canvas.rect([23.0, 2.0, 26.0, 10.0], BLUE); // the bat that came in time
    }
    canvas.disc(ball, 2.5, WHITE);
}

fn fencing(canvas: &mut Canvas, moment: Moment, sway: f32) {
    canvas.rect([0.0, 20.0, 28.0, 24.0], GREY); // piste
    let reach = if moment == Moment::After { 0.0 } else { 1.5 * sway };
    canvas.rect([5.0 + reach, 12.0, 9.0 + reach, 21.0], WHITE);
    canvas.rect([19.0 - reach, 12.0, 23.0 - reach, 21.0], WHITE);
    let lit =
        |lamps: [bool; 2]| [if lamps[0] { RED } else { DARK }, if lamps[1] { BLUE } else { DARK }];
    let [left, right] = match moment {
        Moment::Event(first) => lit([[true, false], [false, true], [true, true]][first.index()]),
        Moment::Before | Moment::After => lit([false, false]),
    };
    canvas.rect([2.0, 2.0, 11.0, 9.0], left);
    canvas.rect([17.0, 2.0, 26.0, 9.0], right);
}

fn basketball(canvas: &mut Canvas, moment: Moment, sway: f32, hop: f32, score: u8) {
    for point in 0..score {
        let x = 2.0 + 4.0 * f32::from(point);
        canvas.rect([x, 2.0, x + 3.0, 6.0], WHITE); // the board
    }
    canvas.rect([17.0, 8.0, 24.0, 9.0], RED); // rim
    canvas.rect([26.0, 2.0, 27.0, 13.0], WHITE); // backboard
    let ball = match moment {
        Moment::Before => [6.0 + 3.0 * sway, 16.0 + 3.0 * hop],
        Moment::Event(shot) => [[20.5, 12.0], [20.5, 3.5]][shot.index()],
        Moment::After => [14.0, 22.0],
    };
    canvas.disc(ball, 2.5, [120, 50, 15]);
}

/// Pixels that shapes are painted on.
struct Canvas {
    size: u32,
    shift: [f32; 2],
    brightness: i16,
    rgb: Vec<u8>,
}

impl Canvas {
    fn new(size: u32, ground: Colour, look: &Look) -> Self {
        let mut canvas = Self {
            size,
            shift: look.shift,
            brightness: look.brightness,
            rgb: vec![0; (size * size * 3) as usize],
        };
        canvas.paint([0.0, 0.0, UNITS as f32, UNITS as f32], ground, |_, _| true);
        canvas
    }

    /// Left, top, right and bottom edge.
    fn rect(&mut self, [left, top, right, bottom]: [f32; 4], colour: Colour) {
        let [dx, dy] = self.shift;
        self.paint([left + dx, top + dy, right + dx, bottom + dy], colour, |_, _| true);
    }

    fn disc(&mut self, [centre_x, centre_y]: [f32; 2], radius: f32, colour: Colour) {
        let (x, y) = (centre_x + self.shift[0], centre_y + self.shift[1]);
        self.paint([x - radius, y - radius, x + radius, y + radius], colour, |px, py| {
            (px - x).powi(2) + (py - y).powi(2) <= radius * radius
        });
    }

    /// The strip at the bottom, which says whether play is over; in the same place in every sport and look.
    fn strip(&mut self, colour: Colour) {
        let units = UNITS as f32;
        self.paint([0.0, 25.0, units, units], colour, |_, _| true);
    }

    /// Fills the pixels whose centre lies in the box (left, top, right, bottom; in units) and `is_inside`.
    fn paint(
        &mut self,
        [left, top, right, bottom]: [f32; 4],
        colour: Colour,
        is_inside: impl Fn(f32, f32) -> bool,
    ) {
        let colour = colour.map(|level| (i16::from(level) + self.brightness).clamp(0, 255) as u8);
        let unit = UNITS as f32 / self.size as f32;
        // The first pixel whose centre is not before an edge.
        let pixel = |edge: f32| ((edge / unit - 0.5).ceil().max(0.0) as u32).min(self.size);
        for row in pixel(top)..pixel(bottom) {
            for column in pixel(left)..pixel(right) {
                if is_inside((column as f32 + 0.5) * unit, (row as f32 + 0.5) * unit) {
                    let at = ((row * self.size + column) * 3) as usize;
                    self.rgb[at..at + 3].copy_from_slice(&colour);
                }
            }
        }
    }
}
