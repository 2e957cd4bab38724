//! Which device is used, and why.

use yidang_device::{Access, DeviceCondition, DeviceError, DeviceListing};

/// A device that was chosen out of what the drivers list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Position of its driver.
    pub(crate) driver: usize,
    /// The device.
    pub(crate) device: DeviceListing,
}

/// Chooses among what the drivers list: the first device that may be opened, drivers in their order. When
/// none may, the error that tells most: a device that is there but forbidden, then a service that fails, then
/// nothing at all. `wanted` restricts the choice to one device.
pub(crate) fn choose(
    lists: &[Result<Vec<DeviceListing>, DeviceError>],
    wanted: Option<&str>,
) -> Result<Choice, DeviceError> {
    let mut reason = DeviceError::new(DeviceCondition::NotFound, "no device is connected");
    for (driver, list) in lists.iter().enumerate() {
        let devices = match list {
            Ok(devices) => devices,
            Err(error) => {
                if reason.condition == DeviceCondition::NotFound {
                    reason = error.clone();
                }
                continue;
            }
        };
        for device in devices.iter().filter(|d| wanted.is_none_or(|w| w == d.id)) {
            match &device.access {
                Access::Granted => return Ok(Choice { driver, device: device.clone() }),
                Access::Denied { remedy } => {
                    let detail = format!("{}: {remedy}", device.name);
                    reason = DeviceError::new(DeviceCondition::AccessDenied, detail);
                }
            }
        }
    }
    Err(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, access: Access) -> DeviceListing {
        DeviceListing { id: id.into(), name: id.into(), access }
    }

    #[test]
    fn the_first_device_that_may_be_opened_is_chosen() {
        let denied = Access::Denied { remedy: "add a rule".into() };
        let lists = [Ok(vec![device("a", denied)]), Ok(vec![device("b", Access::Granted)])];
        let choice = choose(&lists, None).unwrap();
        assert_eq!((choice.driver, choice.device.id.as_str()), (1, "b"));
        assert!(choose(&lists, Some("a")).is_err());
    }

    #[test]
    fn the_error_that_tells_most_is_kept() {
        let failed = DeviceError::new(DeviceCondition::Lost, "service");
        let denied = Ok(vec![device("a", Access::Denied { remedy: "add a rule".into() })]);
        let error = choose(&[Err(failed.clone()), denied, Err(failed)], None).unwrap_err();
        assert_eq!(error.condition, DeviceCondition::AccessDenied);
        assert_eq!(choose(&[Ok(vec![])], None).unwrap_err().condition, DeviceCondition::NotFound);
    }
}
