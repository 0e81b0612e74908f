//! Placeholder until the family lands.

use super::Limits;

#[derive(Clone, Default)]
pub struct List;

impl List {
    pub fn new() -> Self {
        Self
    }
    pub fn len(&self) -> usize {
        0
    }
    pub fn is_empty(&self) -> bool {
        true
    }
    pub fn encoding(&self) -> &'static str {
        "listpack"
    }
    pub fn memory(&self) -> usize {
        0
    }
    pub fn _limits(&self, _: &Limits) {}
}
