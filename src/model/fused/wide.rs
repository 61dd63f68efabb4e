//! Loops that are compiled once for each width of instructions; which runs is decided at run time.

/// Defines such a function. What its body calls is to be `#[inline(always)]`.
macro_rules! wide {
    ($(#[$about:meta])* fn $name:ident<$life:lifetime, $T:ident>($($argument:ident: $kind:ty),* $(,)?) $body:block) => {
        wide! { $(#[$about])* fn $name<$life, $T>($($argument: $kind),*) -> () $body }
    };
    ($(#[$about:meta])* fn $name:ident<$life:lifetime, $T:ident>($($argument:ident: $kind:ty),* $(,)?) -> $output:ty $body:block) => {
        $(#[$about])*
        pub(crate) fn $name<$life, $T: Real>($($argument: $kind),*) -> $output {
            struct Call<$life, $T> {
                $($argument: $kind),*
            }

            impl<$life, $T: Real> pulp::WithSimd for Call<$life, $T> {
                type Output = $output;

                #[inline(always)]
                fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
                    let Self { $($argument),* } = self;
                    $body
                }
            }

            pulp::Arch::new().dispatch(Call { $($argument),* })
        }
    };
}

pub(super) use wide;
