//! Settings that are read for every message and change once a year: parsed again only when they changed.

use crate::bindings::guildhall::plugin::guild;
use crate::{Context, Error, Id};
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::rc::Rc;

/// A plugin's settings, kept between the calls of one instance. In a `thread_local!`:
///
/// ```
/// # #[derive(Default, serde::Deserialize)] struct Settings;
/// use guildhall_sdk::KeptSettings;
/// thread_local! {
///     static SETTINGS: KeptSettings<Settings> = const { KeptSettings::new() };
/// }
/// ```
///
/// and in a handler `SETTINGS.with(|kept| kept.read(context))?`.
#[derive(Debug)]
pub struct KeptSettings<T>(RefCell<Option<Kept<T>>>);

#[derive(Debug)]
struct Kept<T> {
    guild: Id,
    generation: u64,
    settings: Rc<T>,
}

impl<T> KeptSettings<T> {
    /// Nothing was read yet.
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }
}

impl<T> Default for KeptSettings<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: DeserializeOwned> KeptSettings<T> {
    /// The plugin's settings in this guild, as [`Context::settings`] reads them.
    pub fn read(&self, context: &Context) -> Result<Rc<T>, Error> {
        let generation = guild::settings_generation();
        if let Some(kept) = &*self.0.borrow()
            && (kept.guild, kept.generation) == (context.guild, generation)
        {
            return Ok(Rc::clone(&kept.settings));
        }
        let settings = Rc::new(context.settings::<T>()?);
        self.0.replace(Some(Kept {
            guild: context.guild,
            generation,
            settings: Rc::clone(&settings),
        }));
        Ok(settings)
    }
}
