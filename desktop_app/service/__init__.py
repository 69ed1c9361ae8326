"""The window's half of the engine service: what pages and dialogs talk to, and the thread that drives the processes.

- `engine.EngineService`: requests that run in a process of their own each (`core.service.requests.Request`).
- `selection.SelectionClient` and, for each page, `selection.SelectionQuestions`: requests to the selection service.
- `thread.WorkerThread`: the background worker thread of the window, the only one; nobody else talks to it.
- `running`: what runs, in words.

Pages and dialogs hand over a request and a method that takes its result; the type of the result is that of the request.
"""
