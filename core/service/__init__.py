"""The engine service: requests of the window to the engine, and the processes that answer them.

- `requests`: the base classes. A request is a small frozen dataclass that names the type of its result and of the
  parts that it publishes. Requests on one subject share a module with the results that are made for the window:
  `dataset_requests`, `reading_requests`, `feature_requests`, `selection_requests`, `image_requests`,
  `coreset_requests`, `comparison_requests`, `external_requests`, `weights_requests`, `cache_requests`,
  `setting_requests`, `explanation_requests`.
- `processes`: engine processes as the window uses them: `Job` runs one request, and `ServiceProcess` stays and answers
  requests one after another. `child` is the code that runs in the engine process, `messages` are the messages between
  the two, and `watchdog` ends a process that does not respond.
- `selection_service`, `image_service`: the objects that stay in an engine process to answer requests immediately.
- `needs`, `networks`, `groups`, `quality`: facts that the window computes or looks up itself.

This package does not import Qt. Its counterpart in the window is `desktop_app.service`; the command line and notebooks
call `core.pipeline` and do not need it. This file imports nothing: importing a request must not import the libraries of
the engine.
"""
