//! Numbers of flags, with whole sentences for what is not one.

/// Reads an integer of flags within bounds, both included.
pub fn integer<T: TryFrom<u128>>(min: u128, max: u128) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let within = text.parse::<u128>().ok().filter(|n| (min..=max).contains(n));
        let number = within.and_then(|n| T::try_from(n).ok());
        number.ok_or_else(|| format!("write an integer from {min} to {max}"))
    }
}

/// Reads a number of things, or a seed.
pub fn natural<T: TryFrom<u128>>(text: &str) -> Result<T, String> {
    let number = text.parse::<u128>().ok().and_then(|n| T::try_from(n).ok());
    number.ok_or_else(|| format!("write an integer from 0 to {}", max_of::<T>()))
}

/// The greatest value of an unsigned type.
fn max_of<T>() -> u128 {
    u128::MAX >> (128 - 8 * size_of::<T>())
}
