//! Placeholder until the family lands.

use super::Limits;

#[derive(Clone, Default)]
pub struct Set;

impl Set {
    pub fn fit_for(_first: &[u8], _limits: &Limits) -> Self {
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
