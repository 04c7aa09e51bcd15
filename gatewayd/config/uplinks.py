"""The `[uplink.NAME]` sections: the kind chooses the cloud, its `Config` says the other keys."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from gatewayd.config.positions import Keys
from gatewayd.config.problems import Report, nearest_of, one_of, show
from gatewayd.config.settings import UplinkSettings
from gatewayd.config.shapes import Shape, shape_of
from gatewayd.driver import is_output
from gatewayd.errors import ConfigError
from gatewayd.model import Channel, ChannelId

ENTRY_POINTS = "gatewayd.clouds"
LOCAL = "local"
"""The origin of commands from this machine; no uplink may pass for it."""

CHANNEL_TABLES = ("sensors", "actuators")
"""Tables of an uplink whose keys are channels."""


def cloud_kinds() -> dict[str, str]:
    """Return every known kind of cloud with the name of its link module, imported or not."""
    kinds: dict[str, str] = {}
    spec = importlib.util.find_spec("gatewayd.clouds")
    for root in spec.submodule_search_locations or () if spec else ():
        for file in sorted(Path(root).glob("*/link.py")):
            kinds[file.parent.name] = f"gatewayd.clouds.{file.parent.name}.link"
    for point in entry_points(group=ENTRY_POINTS):
        kinds.setdefault(point.name, point.value)
    return kinds


@dataclass(frozen=True, slots=True)
class Known:
    """All channels of this gateway, and the devices of which nobody can say what they have."""

    channels: Mapping[ChannelId, Channel]
    doubtful: frozenset[str] = frozenset()

    def may_be(self, name: str) -> bool:
        """Return whether a channel exists, or nobody can say."""
        return name in self.channels or name.partition("/")[0] in self.doubtful


@dataclass(frozen=True, slots=True)
class UplinkReader:
    """Reads uplinks against the channels that there are."""

    known: Known
    report: Report
    kinds: Mapping[str, str] = field(default_factory=cloud_kinds)

    def read(self, name: str, section: Mapping[str, Any]) -> UplinkSettings | None:
        """Return one uplink, or report why there is none."""
        keys: Keys = ("uplink", name)
        if name == LOCAL:
            self.report.at_key(keys, "found the name local", "expected another, this one is taken")
        cloud = self._cloud(section.get("kind"), keys)
        if cloud is None:
            return None
        own = {key: value for key, value in section.items() if key != "kind"}
        shape: Shape[object] = shape_of(cloud.Config)
        config = shape.fill(own, keys, self.report)
        are_known = self._check_channels(own, keys)
        if config is None:
            return None
        is_sound = all(wrong[:2] != keys for wrong in self.report.wrong)
        if are_known and is_sound and not self.known.doubtful:
            self._check_subscription(cloud, config, keys)
        return UplinkSettings(name=name, kind=section["kind"], cloud=cloud, config=config)

    def _cloud(self, kind: object, keys: Keys) -> ModuleType | None:
        if kind is None:
            self.report.at_key(keys, f'no "kind" for uplink {keys[-1]}', one_of(sorted(self.kinds)))
            return None
        place = (*keys, "kind")
        if not isinstance(kind, str) or kind not in self.kinds:
            nearest = nearest_of(kind, self.kinds)
            self.report.at_value(place, f"found {show(kind)}", one_of(sorted(self.kinds)), nearest)
            return None
        try:
            cloud = importlib.import_module(self.kinds[kind])
            shape_of(cloud.Config)
        except ModuleNotFoundError as error:
            found = f"cloud {kind} needs the package {error.name}"
            self.report.at_value(place, found, "expected it to be installed")
            return None
        except ConfigError as error:
            self.report.at_value(place, str(error), "expected a cloud that can be loaded")
            return None
        return cloud

    def _check_channels(self, section: Mapping[str, Any], keys: Keys) -> bool:
        """Report names in the uplink's tables that are no channels; return whether all are."""
        is_good = True
        for table_name in CHANNEL_TABLES:
            table = section.get(table_name)
            for name in table if isinstance(table, Mapping) else ():
                place = (*keys, table_name, name)
                if not self.known.may_be(name):
                    found = f"unknown channel {show(name)}"
                    nearest = nearest_of(name, self.known.channels)
                    self.report.at_key(
                        place, found, "expected DEVICE/CHANNEL of this file", nearest
                    )
                    is_good = False
                elif table_name == "actuators" and not self._is_output(name):
                    found = f"{show(name)} is measured, not set"
                    self.report.at_key(place, found, "expected an output among the actuators")
                    is_good = False
        return is_good

    def _is_output(self, name: str) -> bool:
        channel = self.known.channels.get(ChannelId(name))
        return channel is None or is_output(channel)

    def _check_subscription(self, cloud: ModuleType, config: object, keys: Keys) -> None:
        try:
            wanted: Collection[ChannelId] = cloud.subscription(config, self.known.channels)
        except (ConfigError, ValueError) as error:
            expected = f"expected this to be put right in uplink {keys[-1]}"
            self.report.at_key(keys, str(error), expected)
            return
        if not wanted and getattr(config, "reports", True):  # Some sections only listen.
            self.report.warn(keys, f"uplink {keys[-1]} takes no channel", "nothing will be sent")
