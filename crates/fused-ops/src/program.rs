//! What a program that computes on the CPU does once, at its start.

/// Lets the C library keep memory that was freed, instead of giving large pieces back to the system at once.
///
/// Tensors on the CPU are pieces of megabytes that come and go with every operation. Fresh from the system each of their
/// pages has to be found and cleared again, by the thread that touches it first. A program calls this before its first
/// tensor; its memory then stays at its greatest need until it ends. Only glibc on Linux is told; elsewhere nothing
/// happens, and `false` is returned.
pub fn keep_freed_memory() -> bool {
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

/// Runs `body` on a thread of rayon's pool, where the kernels' work is.
///
/// From any other thread each of the thousands of small pieces of work of a forward pass sends this thread to sleep and
/// wakes two others; from one of the pool it goes on at once, and only the others are woken.
///
/// `body` may not wait for threads of its own that use rayon: on one core they would wait for each other for ever.
/// Without the feature `flex` it runs where it is.
pub fn in_pool<R: Send>(body: impl FnOnce() -> R + Send) -> R {
    #[cfg(feature = "flex")]
    return rayon::scope(|_| body());
    #[cfg(not(feature = "flex"))]
    body()
}
