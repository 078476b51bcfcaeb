"""What KEDA 2.13 knows of a ScaledObject, by its documentation (keda.sh/docs/2.13: the
specification of scaled objects, and the Prometheus scaler); its schema is in no package."""

_RULES = {"stabilizationWindowSeconds": int, "selectPolicy": str,
          "policies": [{"type": str, "value": int, "periodSeconds": int}]}
_SCALED_OBJECT = {
    "apiVersion": str, "kind": str,
    "metadata": {"name": str, "namespace": str, "labels": dict, "annotations": dict},
    "spec": {
        "scaleTargetRef": {"apiVersion": str, "kind": str, "name": str,
                           "envSourceContainerName": str},
        "pollingInterval": int, "cooldownPeriod": int, "idleReplicaCount": int,
        "minReplicaCount": int, "maxReplicaCount": int,
        "fallback": {"failureThreshold": int, "replicas": int},
        "advanced": {
            "restoreToOriginalReplicaCount": bool,
            "horizontalPodAutoscalerConfig": {
                "name": str, "behavior": {"scaleDown": _RULES, "scaleUp": _RULES}}},
        "triggers": [{"type": str, "name": str, "metricType": str, "useCachedMetrics": bool,
                      "metadata": dict, "authenticationRef": {"name": str, "kind": str}}]}}
_NEEDED_OF_PROMETHEUS = {"serverAddress", "query", "threshold"}
_PROMETHEUS = _NEEDED_OF_PROMETHEUS | {
    "activationThreshold", "namespace", "queryParameters", "customHeaders", "ignoreNullValues",
    "unsafeSsl", "authModes", "cortexOrgID"}


def _mistakes(found, known, where):
    if isinstance(known, type):
        return [] if type(found) is known else [f"{where}: {found!r} is no {known.__name__}"]
    if isinstance(known, list):
        return [mistake for i, one in enumerate(found)
                for mistake in _mistakes(one, known[0], f"{where}[{i}]")]
    return [mistake for name, value in found.items()
            for mistake in (_mistakes(value, known[name], f"{where}.{name}") if name in known
                            else [f"{where}.{name}: no such field"])]


def mistakes(document):
    """Of a ScaledObject with Prometheus triggers; empty: it has none that can be seen here."""
    if (document["apiVersion"], document["kind"]) != ("keda.sh/v1alpha1", "ScaledObject"):
        return ["no ScaledObject"]
    found = _mistakes(document, _SCALED_OBJECT, "ScaledObject")
    for trigger in document["spec"]["triggers"]:
        metadata = trigger["metadata"]
        found += [f"{name}: no parameter of the Prometheus scaler"
                  for name in metadata.keys() - _PROMETHEUS]
        found += [f"{name} is missing" for name in _NEEDED_OF_PROMETHEUS - metadata.keys()]
        found += [f"{name}: {value!r} is no text"
                  for name, value in metadata.items() if not isinstance(value, str)]
    return found
