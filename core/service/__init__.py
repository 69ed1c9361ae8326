"""The engine service: requests of the window to the engine, and the processes that answer them.

- `requests`: the base classes. A request is a small frozen dataclass that names the type of its result. Requests on one
  subject share a module with the results made for the window: `dataset_requests`,
  `feature_requests`, `selection_requests`, `coreset_requests`, `comparison_requests`, `weights_requests`,
  `cache_requests`, `setting_requests`.
- `processes`: the window's side of an engine process: `Job`, which runs one request, and `ServiceProcess`, which stays
  and answers one after another. `child` is the engine's side, and `messages` is what they send to each other.
- `selection_service`: the object that answers requests about clusters and coresets immediately.
- `needs`, `networks`, `groups`: what the window itself computes or looks up.

It knows no Qt. The window's half is `desktop_app.service`; the command line and notebooks call `core.pipeline` and need
nothing of this. Kept empty on purpose: importing a request must not import the engine's libraries.
"""
