//! Commands that were framed together, so that whoever applies them can see what comes.
//!
//! Only `reader` fills it: one command wherever it stood, and behind it whole ones for as long as the window holds them.
//! Whatever else comes there (a comment, damage, the end) is left for its turn.
#![expect(clippy::indexing_slicing, reason = "every index is below the number of frames")]

use crate::resp::decode::{Frame, Progress, decode};

/// How many commands are framed together: enough that what the last one touches is there when the first are done.
pub const AHEAD: usize = 16;

/// A frame that holds more than this is not kept for the next command.
const MOST_KEPT: usize = 4096;

/// Frames of commands that stand one behind the other, and which of them has its turn.
#[derive(Default)]
pub(super) struct Ahead {
    frames: [Frame; AHEAD],
    count: usize,
    at: usize,
}

impl Ahead {
    /// Forgets all commands; the frame of the next is to be filled.
    pub(super) fn clear(&mut self) -> &mut Frame {
        for frame in &mut self.frames[..self.count.max(1)] {
            reset(frame);
        }
        (self.count, self.at) = (0, 0);
        &mut self.frames[0]
    }

    /// The frame whose turn it is, also while it is being filled.
    #[inline]
    pub(super) fn current(&self) -> &Frame {
        &self.frames[self.at]
    }

    #[inline]
    pub(super) fn current_mut(&mut self) -> &mut Frame {
        &mut self.frames[self.at]
    }

    /// How many commands stand before the one whose turn it is.
    #[inline]
    pub(super) fn turn(&self) -> usize {
        self.at
    }

    /// Goes to the next command, if it was framed with the others.
    #[inline]
    pub(super) fn advance(&mut self) -> Option<&Frame> {
        if self.at + 1 >= self.count {
            return None;
        }
        self.at += 1;
        Some(&self.frames[self.at])
    }

    /// The first command is whole: frames those behind it in `bytes`, which begin with it.
    #[inline]
    pub(super) fn look(&mut self, bytes: &[u8], max_bulk: u64) {
        self.count = 1;
        let mut start = self.frames[0].len();
        while self.count < AHEAD {
            let rest = bytes.get(start..).unwrap_or_default();
            let frame = &mut self.frames[self.count];
            if rest.first() != Some(&b'*') || decode(rest, max_bulk, frame) != Ok(Progress::Complete) {
                reset(frame);
                return;
            }
            start += frame.len();
            self.count += 1;
        }
    }

    /// The frames of all commands.
    #[inline]
    pub(super) fn frames(&self) -> &[Frame] {
        &self.frames[..self.count]
    }

    /// Bytes held on the heap.
    pub(super) fn memory(&self) -> usize {
        self.frames.iter().map(Frame::memory).sum()
    }
}

/// Forgets the command, and the room of a long one.
#[inline]
fn reset(frame: &mut Frame) {
    if frame.memory() > MOST_KEPT {
        *frame = Frame::default();
    }
    frame.clear();
}
