"""The window's half of the engine service: the interface for pages and dialogs, and the worker thread.

- `engine.EngineService`: requests that run in a process of their own each (`core.service.requests.Request`).
- `selection.SelectionClient` and, for each page, `selection.SelectionQuestions`: requests to the selection service.
- `thread.WorkerThread`: the background worker thread of the window, used by these two alone.
- `running`: names of running work for the user.

Pages and dialogs hand over a request and a method that takes its result; the type of the result is that of the request.
"""
