"""What the containers of pods are configured with: variables, arguments, mounted files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sre_orchestrator.plugins.objects.addresses import Reference, references_in
from sre_orchestrator.plugins.objects.config import ConfigMap
from sre_orchestrator.plugins.objects.pods import Container, PodSpec

Key = tuple[str, str]  # namespace and name


class Configuration:
    """Reads configuration where the ConfigMaps of the cluster, which may change meanwhile, are at hand."""

    def __init__(self, config_maps: Mapping[Key, ConfigMap]) -> None:
        self._config = config_maps

    def references(self, namespace: str, spec: PodSpec) -> Iterator[Reference]:
        """Yield the addresses that the containers of a pod are configured with, mounted files included."""
        for container in (*spec.init_containers, *spec.containers):
            yield from references_in(
                container,
                self._from_config(namespace, container),
                dict(self.files(namespace, spec, container)),
            )

    def files(self, namespace: str, spec: PodSpec, container: Container) -> Iterator[tuple[str, str]]:
        """Yield origin and text of the ConfigMap keys that ``container`` has mounted as files."""
        mounted = {mount.name for mount in container.volume_mounts}
        for volume in spec.volumes:
            parts = volume.projected.sources if volume.projected else ()
            for source in filter(None, (volume.config_map, *(part.config_map for part in parts))):
                config = self._config.get((namespace, source.name))
                if config and volume.name in mounted:
                    chosen = {item.key for item in source.items} or config.data.keys()
                    for key in sorted(chosen & config.data.keys()):
                        yield f"{key} in configmap {config.metadata.name}", config.data[key]

    def texts(self, namespace: str, spec: PodSpec) -> Iterator[tuple[str, str | dict[str, str]]]:
        """Yield the configuration of a pod as it is written: mounted files and JSON variables as text, variables flat."""
        for container in (*spec.init_containers, *spec.containers):
            yield from self.files(namespace, spec, container)
            values = {name: value for name, (value, _) in self._from_config(namespace, container).items()}
            values |= {one.name: one.value for one in container.env if one.value}
            if values:
                yield f"env of container {container.name}", values
            for name, value in values.items():
                if value.lstrip().startswith("{"):
                    yield f"env {name} of container {container.name}", value

    def _from_config(self, namespace: str, container: Container) -> dict[str, tuple[str, str]]:
        values: dict[str, tuple[str, str]] = {}
        for one in container.env_from:
            config = self._config.get((namespace, one.config_map_ref.name)) if one.config_map_ref else None
            if config:
                origin = f"configmap {config.metadata.name} of container {container.name}"
                values |= {key: (value, f"{key} in {origin}") for key, value in config.data.items()}
        for env in container.env:
            ref = env.value_from.config_map_key_ref if env.value_from else None
            config = self._config.get((namespace, ref.name)) if ref else None
            if ref and config and ref.key in config.data:
                values[env.name] = (config.data[ref.key], f"env {env.name} from configmap {ref.name}")
        return values
