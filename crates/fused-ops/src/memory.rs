//! What the C library does with memory that was freed.

/// Lets it keep that memory, instead of giving large pieces back to the system at once.
///
/// Tensors on the CPU are pieces of megabytes that come and go with every operation. Fresh from the system each of their
/// pages has to be found and cleared again, by the one thread that touches it first: a quarter of the time of a vision
/// tower. A program that computes on the CPU calls this once, before its first tensor; its memory then stays at its
/// greatest need until it ends. Only glibc on Linux is told; elsewhere nothing happens, and `false` is returned.
pub fn keep_freed() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        /// Pieces up to this size come from the heap: the most that glibc accepts.
        const HEAP: i32 = 32 << 20;
        let set = |what, value| {
            #[expect(unsafe_code, reason = "a C function without a safe wrapper")]
            // SAFETY: takes two numbers, touches none of our memory, and is made to be called at any time.
            let accepted = unsafe { libc::mallopt(what, value) };
            accepted == 1
        };
        set(libc::M_MMAP_THRESHOLD, HEAP)
            && set(libc::M_TRIM_THRESHOLD, i32::MAX)
            && set(libc::M_TOP_PAD, 64 << 20)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}
