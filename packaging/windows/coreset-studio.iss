; Inno Setup 6 script for Windows. NOT RUN ON WINDOWS: no Windows machine was at hand when this was written.
; The workflow in .github/workflows/package.yml runs it as: iscc /DVersion=0.1.0 packaging\windows\coreset-studio.iss
; after packaging/build.py, which writes the program and its icon.
#ifndef Version
  #error Give the version: iscc /DVersion=x.y.z
#endif

[Setup]
AppId={{6E1D8C0B-7C0B-4C3B-9B57-2F6D1F0F8A11}
AppName=Coreset Studio
AppVersion={#Version}
AppVerName=Coreset Studio {#Version}
AppPublisher=The developers of Coreset Studio
VersionInfoVersion={#Version}
VersionInfoProductName=Coreset Studio
VersionInfoDescription=Installs Coreset Studio
DefaultDirName={autopf}\Coreset Studio
DefaultGroupName=Coreset Studio
; Per user without rights, or per machine when started as administrator; the first page asks.
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
OutputDir=..\..\dist
OutputBaseFilename=coreset-studio-{#Version}-windows-x86_64
SetupIconFile=..\..\build\icons\coreset-studio.ico
Compression=lzma2/max
SolidCompression=yes
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
; Of Windows 10, the first version whose system keeps the attributes of hard links (see core/windows.py).
MinVersion=10.0.17763
LicenseFile=..\..\LICENSE
InfoBeforeFile=before-installing.txt
; Made by the program itself; see core/windows.py. Files in use are released by closing the programs that use them.
AppMutex=CoresetStudioIsRunning
SetupMutex=CoresetStudioSetup
CloseApplications=yes
RestartApplications=no
ChangesAssociations=yes
ChangesEnvironment=yes
UninstallDisplayIcon={app}\coreset-studio.exe
UninstallDisplayName=Coreset Studio
WizardStyle=modern

[Tasks]
Name: path; Description: "Add the command ""coreset"" to PATH, for new consoles"
Name: desktopicon; Description: "{cm:CreateDesktopIcon}"; Flags: unchecked

[InstallDelete]
; Libraries of an earlier version would be loaded in place of, or beside, those of this one.
Type: filesandordirs; Name: "{app}\_internal"
Type: filesandordirs; Name: "{app}\licences"

[Files]
Source: "..\..\dist\coreset-studio\*"; DestDir: "{app}"; Flags: recursesubdirs createallsubdirs ignoreversion

[Icons]
Name: "{group}\Coreset Studio"; Filename: "{app}\coreset-studio.exe"; AppUserModelID: "CoresetStudio.CoresetStudio"
Name: "{autodesktop}\Coreset Studio"; Filename: "{app}\coreset-studio.exe"; AppUserModelID: "CoresetStudio.CoresetStudio"; Tasks: desktopicon

[Registry]
Root: HKA; Subkey: "Software\Classes\.coreset"; ValueType: string; ValueData: "CoresetStudio.Project"; Flags: uninsdeletevalue
Root: HKA; Subkey: "Software\Classes\CoresetStudio.Project"; ValueType: string; ValueData: "Coreset Studio project"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\CoresetStudio.Project\DefaultIcon"; ValueType: string; ValueData: "{app}\coreset-studio.exe,0"
Root: HKA; Subkey: "Software\Classes\CoresetStudio.Project\shell\open\command"; ValueType: string; ValueData: """{app}\coreset-studio.exe"" ""%1"""
; PATH of the machine if installed for all users, otherwise of the user. {olddata} is what it is; the uninstaller takes
; the folder out again (below), as `uninsdeletevalue` would delete all of PATH.
Root: HKLM; Subkey: "SYSTEM\CurrentControlSet\Control\Session Manager\Environment"; ValueType: expandsz; ValueName: "Path"; ValueData: "{olddata};{app}"; Tasks: path; Check: IsAdminInstallMode and IsMissingOnPath
Root: HKCU; Subkey: "Environment"; ValueType: expandsz; ValueName: "Path"; ValueData: "{olddata};{app}"; Tasks: path; Check: not IsAdminInstallMode and IsMissingOnPath

[Run]
Filename: "{app}\coreset-studio.exe"; Description: "{cm:LaunchProgram,Coreset Studio}"; Flags: nowait postinstall skipifsilent

[Code]
function PathRoot: Integer;
begin
  if IsAdminInstallMode then
    Result := HKEY_LOCAL_MACHINE
  else
    Result := HKEY_CURRENT_USER;
end;

function PathKey: String;
begin
  if IsAdminInstallMode then
    Result := 'SYSTEM\CurrentControlSet\Control\Session Manager\Environment'
  else
    Result := 'Environment';
end;

{ Where the folder of the program begins in `Path`, compared as a whole entry and without case; 0 where it is not. }
function PlaceOnPath(Path: String): Integer;
begin
  Result := Pos(';' + Lowercase(ExpandConstant('{app}')) + ';', ';' + Lowercase(Path) + ';');
end;

function IsMissingOnPath: Boolean;
var
  Path: String;
begin
  Result := not RegQueryStringValue(PathRoot, PathKey, 'Path', Path) or (PlaceOnPath(Path) = 0);
end;

procedure TakeOffPath;
var
  Path: String;
  Place, Count: Integer;
begin
  if not RegQueryStringValue(PathRoot, PathKey, 'Path', Path) then
    exit;
  Place := PlaceOnPath(Path);
  if Place = 0 then
    exit;
  { The semicolon before the entry goes with it, or, of the first entry, the one after it. }
  Count := Length(ExpandConstant('{app}')) + 1;
  if Place > 1 then
    Place := Place - 1;
  Delete(Path, Place, Count);
  RegWriteExpandStringValue(PathRoot, PathKey, 'Path', Path);
end;

procedure CurUninstallStepChanged(Step: TUninstallStep);
begin
  if Step = usPostUninstall then
    TakeOffPath;
end;
