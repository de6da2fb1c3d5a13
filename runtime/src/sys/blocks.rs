//! Every block of memory that one isolate has, so that all of them can be freed at once.
//!
//! QuickJS frees what it has allocated, block by block. But when a request for memory is refused at an unlucky place, it
//! forgets a reference, and what that keeps alive is found at the runtime's end by an assertion that ends the process.
//! Such a runtime is given up instead ([`teardown`](super::teardown)), and its blocks are freed from here.
//!
//! QuickJS carves small objects out of blocks of 4 KiB itself. So there are few blocks, and the list of them costs 8 bytes
//! for each.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::cell::RefCell;
use std::ptr::NonNull;

/// What is in front of each block. It is also as large as QuickJS's largest alignment.
#[repr(C, align(16))]
struct Header {
    /// How many bytes the block has behind this.
    size: usize,
    /// The place of the block in [`Blocks::all`].
    index: usize,
}

/// The size of what is in front of each block.
pub(super) const HEADER: usize = size_of::<Header>();

/// The layout of a block with `size` bytes for the interpreter.
fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(HEADER)?, align_of::<Header>()).ok()
}

/// The blocks of one isolate.
#[derive(Default)]
pub(super) struct Blocks {
    all: RefCell<Vec<NonNull<Header>>>,
}

impl Blocks {
    /// A new block, or none if there is no memory.
    pub(super) fn allocate(&self, size: usize, zeroed: bool) -> Option<NonNull<u8>> {
        let layout = layout(size)?;
        let mut all = self.all.borrow_mut();
        if all.len() == all.capacity() {
            // Less ahead than usual: most isolates stay small, and thousands of them may wait.
            let ahead = 16 + all.len() / 4;
            all.try_reserve_exact(ahead).ok()?;
        }
        // SAFETY: the layout is not empty, as it includes the header.
        let block = unsafe {
            if zeroed {
                alloc_zeroed(layout)
            } else {
                alloc(layout)
            }
        };
        let block = NonNull::new(block.cast::<Header>())?;
        let index = all.len();
        // SAFETY: the block starts with room for a header, and is aligned for it.
        unsafe { block.write(Header { size, index }) };
        all.push(block);
        // SAFETY: `size` bytes follow the header.
        Some(unsafe { block.add(1).cast() })
    }

    /// Makes a block larger or smaller; none if there is no memory, and then it stays as it is.
    ///
    /// # Safety
    ///
    /// The block comes from here and is not freed.
    pub(super) unsafe fn resize(&self, block: NonNull<u8>, size: usize) -> Option<NonNull<u8>> {
        let new = layout(size)?;
        // SAFETY: the caller passes a live block; it was made with `old`, and `new` is a valid size for that alignment.
        unsafe {
            let header = block.cast::<Header>().sub(1);
            let old = layout(header.as_ref().size)?;
            let moved = realloc(header.as_ptr().cast(), old, new.size());
            let mut moved = NonNull::new(moved.cast::<Header>())?;
            moved.as_mut().size = size;
            self.all.borrow_mut()[moved.as_ref().index] = moved;
            Some(moved.add(1).cast())
        }
    }

    /// Frees a block.
    ///
    /// # Safety
    ///
    /// The block comes from here and is not freed.
    pub(super) unsafe fn free(&self, block: NonNull<u8>) {
        let mut all = self.all.borrow_mut();
        // SAFETY: the caller passes a live block, and all in the list are live.
        unsafe {
            let header = block.cast::<Header>().sub(1);
            let Header { size, index } = header.read();
            all.swap_remove(index);
            if let Some(moved) = all.get_mut(index) {
                moved.as_mut().index = index;
            }
            if let Some(layout) = layout(size) {
                dealloc(header.as_ptr().cast(), layout);
            }
        }
    }

    /// The size that was asked for, of a block.
    ///
    /// # Safety
    ///
    /// The block comes from [`allocate`](Self::allocate) or [`resize`](Self::resize) and is not freed.
    pub(super) unsafe fn size_of(block: NonNull<u8>) -> usize {
        // SAFETY: such a block has a header in front of it.
        unsafe { block.cast::<Header>().sub(1).as_ref().size }
    }

    /// Whether there is none.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all.borrow().is_empty()
    }

    /// Frees every block, and calls `between` again and again meanwhile.
    ///
    /// # Safety
    ///
    /// Nothing uses any of them again.
    pub(super) unsafe fn free_all(&self, mut between: impl FnMut()) {
        for (freed, block) in self.all.take().into_iter().enumerate() {
            if freed % 64 == 0 {
                between();
            }
            // SAFETY: all in the list are live, were made with this layout, and are not used again.
            unsafe {
                if let Some(layout) = layout(block.as_ref().size) {
                    dealloc(block.as_ptr().cast(), layout);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Blocks;

    #[test]
    fn blocks_can_be_freed_in_any_order_and_the_rest_at_once() {
        let blocks = Blocks::default();
        let mut live: Vec<_> = (0..100_usize)
            .map(|n| blocks.allocate(n * 10, n % 2 == 0).unwrap())
            .collect();
        // SAFETY: live blocks, each of them freed or resized once.
        unsafe {
            for index in [50, 0, 97, 3, 3, 3] {
                blocks.free(live.swap_remove(index));
            }
            for block in &mut live {
                let size = Blocks::size_of(*block);
                block.write_bytes(7, size);
                *block = blocks.resize(*block, size + 5000).unwrap();
                assert_eq!(Blocks::size_of(*block), size + 5000);
                assert!(size == 0 || block.add(size - 1).read() == 7);
            }
            assert_eq!(blocks.all.borrow().len(), 94);
            for block in live.drain(..40) {
                blocks.free(block);
            }
            blocks.free_all(|| ());
        }
        assert!(blocks.is_empty());
    }
}
