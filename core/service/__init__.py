"""The engine service: what the window asks of the engine, and the processes that answer.

- `requests`: what every request is. Each is a small frozen dataclass that names the type of its result; those of one
  subject stand in one module, beside the results that were made for the window: `dataset_requests`,
  `feature_requests`, `selection_requests`, `coreset_requests`, `comparison_requests`, `weights_requests`,
  `cache_requests`.
- `processes`: the window's side of an engine process: `Job`, which runs one request, and `ServiceProcess`, which stays
  and answers one after another. `messages` is what they say to each other, and `child` what runs inside.
- `selection_service`: the object that answers at once what is asked about clusters and coresets.
- `needs`, `networks`, `groups`: what the window computes or looks up by itself.

It knows no Qt. The window's half is `desktop_app.service`; the command line and notebooks call `core.pipeline` and need
nothing of this. Kept empty on purpose: importing a request must not bring the engine's libraries along.
"""
