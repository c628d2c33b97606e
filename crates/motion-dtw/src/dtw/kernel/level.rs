//! Picks the widest vector instructions that the processor has.

/// Work that is compiled once per [`Level`]; `run` and what it calls in its loops must be `#[inline(always)]`.
pub(super) trait Task {
    type Output;
    fn run(self) -> Self::Output;
}

/// A set of instructions. None of them contracts a multiplication and an addition, so all give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// What the target guarantees: 2 lanes of `f64` on x86-64 and AArch64.
    Baseline,
    /// 4 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 8 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The best that this processor has.
    pub(super) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") {
                return Self::Avx2;
            }
        }
        Self::Baseline
    }

    /// Runs `task` with the instructions of this level; [`Level::Baseline`] where the processor lacks them.
    #[cfg_attr(
        target_arch = "x86_64",
        expect(unsafe_code, reason = "a third to half of the time; see below")
    )]
    pub(super) fn run<T: Task>(self, task: T) -> T::Output {
        // ns per cell, one channel: 0.48 at the baseline, 0.32 with AVX2, 0.27 with AVX-512; 36 channels: 8.0, 4.1, 3.5
        // (CPU time; 10,000 x 10,000 and 300 x 3,000 frames).
        #[cfg(target_arch = "x86_64")]
        match self {
            Self::Avx512
                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") =>
            {
                // SAFETY: the processor has both features, as just checked.
                return unsafe { avx512(task) };
            }
            Self::Avx2 if is_x86_feature_detected!("avx2") => {
                // SAFETY: the processor has the feature, as just checked.
                return unsafe { avx2(task) };
            }
            _ => {}
        }
        task.run()
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<T: Task>(task: T) -> T::Output {
    task.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl")]
fn avx512<T: Task>(task: T) -> T::Output {
    task.run()
}
