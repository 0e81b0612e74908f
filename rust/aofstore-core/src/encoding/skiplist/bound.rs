//! Ends of a range of scores or of member bytes.

/// One end of a range of scores; infinities are ordinary values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScoreBound {
    Incl(f64),
    Excl(f64),
}

impl ScoreBound {
    /// Whether `score` is in the range that starts here.
    #[inline]
    pub fn admits_above(self, score: f64) -> bool {
        match self {
            Self::Incl(least) => score >= least,
            Self::Excl(least) => score > least,
        }
    }

    /// Whether `score` is in the range that ends here.
    #[inline]
    pub fn admits_below(self, score: f64) -> bool {
        match self {
            Self::Incl(most) => score <= most,
            Self::Excl(most) => score < most,
        }
    }
}

/// One end of a range of member bytes, for sets whose members all have one score: "-", "+", "[a", "(a".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexBound<'a> {
    Min,
    Max,
    Incl(&'a [u8]),
    Excl(&'a [u8]),
}

impl LexBound<'_> {
    /// Whether `member` is in the range that starts here.
    #[inline]
    pub fn admits_above(self, member: &[u8]) -> bool {
        match self {
            Self::Min => true,
            Self::Max => false,
            Self::Incl(least) => member >= least,
            Self::Excl(least) => member > least,
        }
    }

    /// Whether `member` is in the range that ends here.
    #[inline]
    pub fn admits_below(self, member: &[u8]) -> bool {
        match self {
            Self::Min => false,
            Self::Max => true,
            Self::Incl(most) => member <= most,
            Self::Excl(most) => member < most,
        }
    }
}
